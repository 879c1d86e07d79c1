DROP TABLE operation_run_items;
DROP TABLE idempotency_keys;
DROP TABLE operation_runs;
DROP FUNCTION operation_runs_announce();
