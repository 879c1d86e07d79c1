DROP TABLE notifications;
DROP TABLE operational_controls;
DROP TABLE audit_heads;
DROP TABLE audit_logs;
DROP FUNCTION audit_logs_refuse_change();
