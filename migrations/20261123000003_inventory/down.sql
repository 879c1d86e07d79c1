ALTER TABLE policies DROP CONSTRAINT policies_current_version_fkey;
DROP TABLE policy_versions;
DROP TABLE policies;
DROP TABLE tenant_references;
DROP TABLE inventory_coverage;
