-- The log is append-only by rights as well as by trigger: whoever owns the tables (the account that
-- migrated them, often the one the services use) can add and read entries and move a chain's head on.
-- Taking the rights back takes a GRANT that shows in the catalogue; a superuser is bound by the
-- trigger alone.
DO $$
DECLARE
    owner name;
BEGIN
    SELECT tableowner INTO STRICT owner FROM pg_tables
        WHERE schemaname = current_schema() AND tablename = 'audit_logs';
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON audit_logs FROM PUBLIC, %I', owner);
    EXECUTE format('REVOKE DELETE, TRUNCATE ON audit_heads FROM PUBLIC, %I', owner);
END;
$$;
