DROP INDEX tenant_references_spelling_idx;
ALTER TABLE tenant_references DROP COLUMN facts;
ALTER TABLE operation_run_items DROP CONSTRAINT operation_run_items_action_check;
DELETE FROM operation_run_items WHERE action = 'search';
ALTER TABLE operation_run_items ADD CONSTRAINT operation_run_items_action_check
    CHECK (action IN ('create', 'update', 'capture', 'check', 'restore'));
ALTER TABLE operational_controls DROP CONSTRAINT operational_controls_operation_type_check;
DELETE FROM operational_controls WHERE operation_type = 'reference.search';
ALTER TABLE operational_controls ADD CONSTRAINT operational_controls_operation_type_check
    CHECK (operation_type IN ('promotion.execute', 'inventory.sync', 'connection.check', 'policy.restore'));
ALTER TABLE operation_runs DROP CONSTRAINT operation_runs_type_check;
DELETE FROM operation_runs WHERE type = 'reference.search';
ALTER TABLE operation_runs ADD CONSTRAINT operation_runs_type_check
    CHECK (type IN ('promotion.execute', 'inventory.sync', 'connection.check', 'policy.restore'));
