DO $$
DECLARE
    owner name;
BEGIN
    SELECT tableowner INTO STRICT owner FROM pg_tables
        WHERE schemaname = current_schema() AND tablename = 'audit_logs';
    EXECUTE format('GRANT UPDATE, DELETE, TRUNCATE ON audit_logs TO %I', owner);
    EXECUTE format('GRANT DELETE, TRUNCATE ON audit_heads TO %I', owner);
END;
$$;
