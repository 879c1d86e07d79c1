CREATE TABLE operation_runs (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    type text NOT NULL CHECK (type IN ('promotion.execute', 'inventory.sync', 'connection.check', 'policy.restore')),
    -- The tenant the operation acts on: the target of a promotion.
    tenant_id uuid NOT NULL,
    source_tenant_id uuid,
    status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'completed')),
    outcome text NOT NULL DEFAULT 'pending'
        CHECK (outcome IN ('pending', 'succeeded', 'partially_succeeded', 'failed', 'blocked', 'cancelled')),
    outcome_reason text,
    waiting_reason text,
    waiting_until timestamptz,
    -- Raised by every change that a reader of the run can see.
    revision bigint NOT NULL DEFAULT 1 CHECK (revision > 0),
    -- Digest of workspace + type + canonical selection + plan digest.
    identity text NOT NULL,
    context jsonb NOT NULL,
    launch_context jsonb,
    summary_counts jsonb NOT NULL,
    initiator_user_id uuid NOT NULL REFERENCES users (id) ON DELETE RESTRICT,
    -- The token that started it, so that a narrowed or revoked one can be judged again before writing.
    initiator_token_id uuid REFERENCES api_tokens (id) ON DELETE SET NULL,
    cancel_requested_at timestamptz,
    -- Who works on it: database time decides when the lease is over, the fence who may record.
    lease_holder text,
    lease_expires_at timestamptz,
    fence bigint NOT NULL DEFAULT 0 CHECK (fence >= 0),
    wake_seq integer NOT NULL DEFAULT 0 CHECK (wake_seq >= 0),
    rescues integer NOT NULL DEFAULT 0 CHECK (rescues >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    completed_at timestamptz,
    CHECK ((status = 'completed') = (completed_at IS NOT NULL)),
    CHECK ((status = 'completed') = (outcome <> 'pending')),
    CHECK (status <> 'completed' OR lease_holder IS NULL),
    CHECK ((lease_holder IS NULL) = (lease_expires_at IS NULL)),
    CHECK ((waiting_reason IS NULL) = (waiting_until IS NULL)),
    CHECK (source_tenant_id IS NULL OR source_tenant_id <> tenant_id),
    UNIQUE (workspace_id, id),
    FOREIGN KEY (workspace_id, tenant_id)
        REFERENCES managed_tenants (workspace_id, id) ON DELETE RESTRICT,
    FOREIGN KEY (workspace_id, source_tenant_id)
        REFERENCES managed_tenants (workspace_id, id) ON DELETE RESTRICT
);
-- Never two mutating runs on one target tenant at once.
CREATE UNIQUE INDEX operation_runs_one_mutating_per_tenant ON operation_runs (tenant_id)
    WHERE type IN ('promotion.execute', 'policy.restore') AND status IN ('queued', 'running');
-- Never two active syncs or checks of the same tenant.
CREATE UNIQUE INDEX operation_runs_one_sync_per_tenant ON operation_runs (tenant_id)
    WHERE type = 'inventory.sync' AND status IN ('queued', 'running');
CREATE UNIQUE INDEX operation_runs_one_check_per_tenant ON operation_runs (tenant_id)
    WHERE type = 'connection.check' AND status IN ('queued', 'running');
-- A run identity is unique while active.
CREATE UNIQUE INDEX operation_runs_active_identity_key ON operation_runs (workspace_id, identity)
    WHERE status IN ('queued', 'running');
CREATE INDEX operation_runs_list_idx ON operation_runs (workspace_id, created_at DESC, id DESC);
CREATE INDEX operation_runs_tenant_idx ON operation_runs (workspace_id, tenant_id, created_at DESC);
CREATE INDEX operation_runs_source_idx ON operation_runs (workspace_id, source_tenant_id);
CREATE INDEX operation_runs_initiator_idx ON operation_runs (initiator_user_id);
CREATE INDEX operation_runs_token_idx ON operation_runs (initiator_token_id);
CREATE INDEX operation_runs_active_idx ON operation_runs (lease_expires_at) WHERE status IN ('queued', 'running');

-- Live events: every change that a reader can see raises the revision, and the database announces it
-- when the transaction commits, whichever process made the change.
CREATE FUNCTION operation_runs_announce() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('promotion_runs', json_build_object(
        'workspace_id', NEW.workspace_id, 'run_id', NEW.id, 'tenant_id', NEW.tenant_id,
        'revision', NEW.revision, 'status', NEW.status)::text);
    RETURN NULL;
END;
$$;
CREATE TRIGGER operation_runs_announce_new AFTER INSERT ON operation_runs
    FOR EACH ROW EXECUTE FUNCTION operation_runs_announce();
CREATE TRIGGER operation_runs_announce_change AFTER UPDATE ON operation_runs
    FOR EACH ROW WHEN (OLD.revision <> NEW.revision) EXECUTE FUNCTION operation_runs_announce();

-- Which run an Idempotency-Key of an actor answered with. A refusal binds none.
CREATE TABLE idempotency_keys (
    workspace_id uuid NOT NULL,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    key text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    request_hash text NOT NULL,
    operation_run_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, user_id, key),
    FOREIGN KEY (workspace_id, operation_run_id)
        REFERENCES operation_runs (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX idempotency_keys_run_idx ON idempotency_keys (workspace_id, operation_run_id);
CREATE INDEX idempotency_keys_user_idx ON idempotency_keys (user_id);

CREATE TABLE operation_run_items (
    operation_run_id uuid NOT NULL REFERENCES operation_runs (id) ON DELETE CASCADE,
    -- Order of execution: wave, then policy type, then name.
    position integer NOT NULL CHECK (position >= 0),
    subject_key text NOT NULL,
    policy_type text NOT NULL,
    display_name text NOT NULL,
    action text NOT NULL CHECK (action IN ('create', 'update', 'capture', 'check', 'restore')),
    outcome text NOT NULL DEFAULT 'pending'
        CHECK (outcome IN ('pending', 'writing', 'succeeded', 'failed', 'skipped', 'unknown')),
    -- How a succeeded item counts.
    effect text CHECK (effect IN ('created', 'updated', 'unchanged')),
    reason_code text,
    message text,
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- Steps with their intents and results: what was about to be sent, committed before it was.
    journal jsonb NOT NULL DEFAULT '[]',
    source_policy_id uuid,
    source_version_id uuid,
    target_policy_id uuid,
    target_version_id uuid,
    target_external_id text,
    result_version_id uuid,
    graph_request_ids text[] NOT NULL DEFAULT '{}',
    started_at timestamptz,
    completed_at timestamptz,
    PRIMARY KEY (operation_run_id, subject_key),
    UNIQUE (operation_run_id, position),
    CHECK ((outcome = 'succeeded') = (effect IS NOT NULL)),
    FOREIGN KEY (source_policy_id) REFERENCES policies (id) ON DELETE RESTRICT,
    FOREIGN KEY (target_policy_id) REFERENCES policies (id) ON DELETE RESTRICT,
    FOREIGN KEY (source_version_id) REFERENCES policy_versions (id) ON DELETE RESTRICT,
    FOREIGN KEY (target_version_id) REFERENCES policy_versions (id) ON DELETE RESTRICT,
    FOREIGN KEY (result_version_id) REFERENCES policy_versions (id) ON DELETE RESTRICT
);
CREATE INDEX operation_run_items_source_policy_idx ON operation_run_items (source_policy_id);
CREATE INDEX operation_run_items_target_policy_idx ON operation_run_items (target_policy_id);
CREATE INDEX operation_run_items_source_version_idx ON operation_run_items (source_version_id);
CREATE INDEX operation_run_items_target_version_idx ON operation_run_items (target_version_id);
CREATE INDEX operation_run_items_result_version_idx ON operation_run_items (result_version_id);
