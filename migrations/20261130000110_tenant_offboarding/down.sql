-- The stones of removed tenants make way where their names or Entra tenants were taken again.
UPDATE managed_tenants
    SET entra_tenant_id = id, display_name = left(display_name, 150) || ' ' || id
    WHERE removed_at IS NOT NULL;
DROP INDEX managed_tenants_name_key;
CREATE UNIQUE INDEX managed_tenants_name_key ON managed_tenants (workspace_id, lower(display_name));
DROP INDEX managed_tenants_workspace_id_entra_tenant_id_key;
ALTER TABLE managed_tenants
    ADD CONSTRAINT managed_tenants_workspace_id_entra_tenant_id_key UNIQUE (workspace_id, entra_tenant_id);
ALTER TABLE managed_tenants DROP COLUMN removed_at;
