DROP TRIGGER audit_logs_follow_the_head ON audit_logs;
DROP FUNCTION audit_logs_follow_the_head();
DROP TRIGGER audit_heads_no_truncate ON audit_heads;
DROP TRIGGER audit_heads_follow_the_log ON audit_heads;
DROP FUNCTION audit_heads_follow_the_log();
