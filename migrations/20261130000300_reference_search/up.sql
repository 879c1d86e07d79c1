-- `reference.search`: a person looks for objects of a kind that no capture lists whole (users).
ALTER TABLE operation_runs DROP CONSTRAINT operation_runs_type_check;
ALTER TABLE operation_runs ADD CONSTRAINT operation_runs_type_check
    CHECK (type IN ('promotion.execute', 'inventory.sync', 'connection.check', 'policy.restore', 'reference.search'));
ALTER TABLE operational_controls DROP CONSTRAINT operational_controls_operation_type_check;
ALTER TABLE operational_controls ADD CONSTRAINT operational_controls_operation_type_check
    CHECK (operation_type IN ('promotion.execute', 'inventory.sync', 'connection.check', 'policy.restore', 'reference.search'));
ALTER TABLE operation_run_items DROP CONSTRAINT operation_run_items_action_check;
ALTER TABLE operation_run_items ADD CONSTRAINT operation_run_items_action_check
    CHECK (action IN ('create', 'update', 'capture', 'check', 'restore', 'search'));

-- What a person may be found by besides the name that tells users apart:
-- {"display_name", "mail", "employee_id"}. Empty for every other kind.
ALTER TABLE tenant_references ADD COLUMN facts jsonb NOT NULL DEFAULT '{}';
-- Graph spells one id in either letter case: ids are looked up without it.
CREATE INDEX tenant_references_spelling_idx ON tenant_references (tenant_id, lower(external_id));
