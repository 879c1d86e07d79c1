CREATE TABLE audit_logs (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE RESTRICT,
    -- 1, 2, 3 ... per workspace, without a gap.
    sequence bigint NOT NULL CHECK (sequence > 0),
    action text NOT NULL CHECK (length(action) BETWEEN 1 AND 100),
    actor_user_id uuid,
    actor_token_id uuid,
    tenant_id uuid,
    operation_run_id uuid,
    request_id text,
    detail jsonb NOT NULL DEFAULT '{}',
    recorded_at timestamptz NOT NULL,
    previous_mac bytea NOT NULL CHECK (length(previous_mac) = 32),
    -- HMAC-SHA-256 under the audit key over previous_mac and the canonical entry.
    mac bytea NOT NULL CHECK (length(mac) = 32),
    UNIQUE (workspace_id, sequence)
);
CREATE INDEX audit_logs_action_idx ON audit_logs (workspace_id, action, sequence DESC);
CREATE INDEX audit_logs_tenant_idx ON audit_logs (workspace_id, tenant_id, sequence DESC);
CREATE INDEX audit_logs_run_idx ON audit_logs (workspace_id, operation_run_id);
CREATE INDEX audit_logs_actor_idx ON audit_logs (workspace_id, actor_user_id, sequence DESC);

-- The head of each workspace's chain: locked last in every transaction that writes an entry.
CREATE TABLE audit_heads (
    workspace_id uuid PRIMARY KEY REFERENCES workspaces (id) ON DELETE RESTRICT,
    sequence bigint NOT NULL CHECK (sequence >= 0),
    mac bytea NOT NULL CHECK (length(mac) = 32)
);

CREATE FUNCTION audit_logs_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_logs is append-only' USING ERRCODE = 'insufficient_privilege';
END;
$$;
CREATE TRIGGER audit_logs_append_only BEFORE UPDATE OR DELETE ON audit_logs
    FOR EACH ROW EXECUTE FUNCTION audit_logs_refuse_change();
CREATE TRIGGER audit_logs_no_truncate BEFORE TRUNCATE ON audit_logs
    FOR EACH STATEMENT EXECUTE FUNCTION audit_logs_refuse_change();

CREATE TABLE operational_controls (
    id uuid PRIMARY KEY,
    operation_type text NOT NULL
        CHECK (operation_type IN ('promotion.execute', 'inventory.sync', 'connection.check', 'policy.restore')),
    -- NULL workspace = the whole installation; NULL tenant = the whole workspace.
    workspace_id uuid REFERENCES workspaces (id) ON DELETE CASCADE,
    tenant_id uuid,
    state text NOT NULL CHECK (state IN ('paused', 'enabled')),
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 1000),
    changed_by uuid REFERENCES users (id) ON DELETE SET NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CHECK (tenant_id IS NULL OR workspace_id IS NOT NULL),
    FOREIGN KEY (workspace_id, tenant_id)
        REFERENCES managed_tenants (workspace_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX operational_controls_scope_key
    ON operational_controls (operation_type, workspace_id, tenant_id) NULLS NOT DISTINCT;
CREATE INDEX operational_controls_workspace_idx ON operational_controls (workspace_id, tenant_id);
CREATE INDEX operational_controls_changed_by_idx ON operational_controls (changed_by);

CREATE TABLE notifications (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    operation_run_id uuid NOT NULL,
    title text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    read_at timestamptz,
    UNIQUE (operation_run_id),
    FOREIGN KEY (workspace_id, operation_run_id)
        REFERENCES operation_runs (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX notifications_user_idx ON notifications (workspace_id, user_id, created_at DESC, id DESC);
CREATE INDEX notifications_user_fk_idx ON notifications (user_id);
CREATE INDEX notifications_run_idx ON notifications (workspace_id, operation_run_id);
