-- A tenant that was removed stays as a stone with its id and name, so that runs and the audit log
-- keep their meaning; everything it held is erased with it. Its name and its Entra tenant are free
-- again. The constraint becomes an index of the same name: nothing refers to it.
ALTER TABLE managed_tenants ADD COLUMN removed_at timestamptz;
ALTER TABLE managed_tenants DROP CONSTRAINT managed_tenants_workspace_id_entra_tenant_id_key;
CREATE UNIQUE INDEX managed_tenants_workspace_id_entra_tenant_id_key
    ON managed_tenants (workspace_id, entra_tenant_id) WHERE removed_at IS NULL;
DROP INDEX managed_tenants_name_key;
CREATE UNIQUE INDEX managed_tenants_name_key
    ON managed_tenants (workspace_id, lower(display_name)) WHERE removed_at IS NULL;
