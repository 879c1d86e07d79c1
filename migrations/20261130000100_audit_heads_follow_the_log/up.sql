-- A chain's head is protected like the log. It begins at 0, and moves on by one entry that stands in
-- the log and follows it; an entry is taken only where the head points. So an account that may write
-- both tables, audit key or not, can append and nothing else. The functions name the schema, so that
-- a temporary table of the same name changes nothing.
CREATE FUNCTION audit_heads_follow_the_log() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.sequence = 0 THEN
            RETURN NEW;
        END IF;
    ELSIF TG_OP = 'UPDATE' THEN
        IF NEW.workspace_id = OLD.workspace_id AND NEW.sequence = OLD.sequence + 1
           AND EXISTS (SELECT 1 FROM public.audit_logs l WHERE l.workspace_id = NEW.workspace_id
                       AND l.sequence = NEW.sequence AND l.mac = NEW.mac
                       AND l.previous_mac = OLD.mac) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'audit_heads only follows audit_logs' USING ERRCODE = 'insufficient_privilege';
END;
$$;
CREATE TRIGGER audit_heads_follow_the_log BEFORE INSERT OR UPDATE OR DELETE ON audit_heads
    FOR EACH ROW EXECUTE FUNCTION audit_heads_follow_the_log();
CREATE TRIGGER audit_heads_no_truncate BEFORE TRUNCATE ON audit_heads
    FOR EACH STATEMENT EXECUTE FUNCTION audit_heads_follow_the_log();

CREATE FUNCTION audit_logs_follow_the_head() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM public.audit_heads h WHERE h.workspace_id = NEW.workspace_id
               AND h.sequence = NEW.sequence - 1 AND h.mac = NEW.previous_mac) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'an audit entry follows the head of its chain' USING ERRCODE = 'insufficient_privilege';
END;
$$;
CREATE TRIGGER audit_logs_follow_the_head BEFORE INSERT ON audit_logs
    FOR EACH ROW EXECUTE FUNCTION audit_logs_follow_the_head();
