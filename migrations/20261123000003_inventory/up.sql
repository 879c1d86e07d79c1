-- What is known of each policy type and reference kind of a tenant. A row that is not 'complete'
-- can never be used to conclude that something is absent.
CREATE TABLE inventory_coverage (
    workspace_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    -- A policy type key of the registry, or 'reference:' and a reference kind.
    subject text NOT NULL CHECK (length(subject) BETWEEN 1 AND 100),
    status text NOT NULL CHECK (status IN ('complete', 'incomplete')),
    reason_code text,
    message text,
    -- When the last read began and ended; for 'complete' rows also when the last complete one did.
    read_started_at timestamptz NOT NULL,
    read_ended_at timestamptz NOT NULL,
    complete_at timestamptz,
    PRIMARY KEY (tenant_id, subject),
    FOREIGN KEY (workspace_id, tenant_id)
        REFERENCES managed_tenants (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX inventory_coverage_workspace_idx ON inventory_coverage (workspace_id, tenant_id);

CREATE TABLE tenant_references (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    kind text NOT NULL CHECK (length(kind) BETWEEN 1 AND 60),
    external_id text NOT NULL CHECK (length(external_id) BETWEEN 1 AND 400),
    -- NULL: a policy points to it, but the tenant does not list it (dangling).
    name text,
    -- What tells two of the same name apart (platform of a filter, kind of a named location), or ''.
    discriminator text NOT NULL DEFAULT '',
    observed_at timestamptz NOT NULL,
    removed_at timestamptz,
    UNIQUE (tenant_id, kind, external_id),
    FOREIGN KEY (workspace_id, tenant_id)
        REFERENCES managed_tenants (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX tenant_references_workspace_idx ON tenant_references (workspace_id, tenant_id);
CREATE INDEX tenant_references_name_idx ON tenant_references (tenant_id, kind, lower(name));

CREATE TABLE policies (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    policy_type text NOT NULL CHECK (length(policy_type) BETWEEN 1 AND 100),
    external_id text NOT NULL CHECK (length(external_id) BETWEEN 1 AND 400),
    display_name text NOT NULL,
    platform text,
    -- Type-specific identity across tenants: canonical JSON of its parts (registry).
    identity_key text NOT NULL,
    current_version_id uuid,
    -- 'ok', or 'unreadable': the object was seen, its content could not be captured (reason below).
    capture_state text NOT NULL DEFAULT 'ok' CHECK (capture_state IN ('ok', 'unreadable')),
    capture_reason text,
    -- Facet fingerprints of the current version with references resolved by meaning:
    -- {"settings","assignments","scope_tags","description"}; recomputed when a reference is renamed.
    fingerprints jsonb,
    -- Fingerprint pairs that a verified write proved equal under the type's defaults:
    -- {"facet": {"source": "...", "own": "..."}}.
    verified_pairs jsonb,
    observed_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    removed_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, policy_type, external_id),
    UNIQUE (tenant_id, id),
    FOREIGN KEY (workspace_id, tenant_id)
        REFERENCES managed_tenants (workspace_id, id) ON DELETE CASCADE,
    CHECK (capture_state = 'unreadable' OR (current_version_id IS NOT NULL AND fingerprints IS NOT NULL))
);
CREATE INDEX policies_workspace_idx ON policies (workspace_id, tenant_id);
CREATE INDEX policies_live_idx ON policies (tenant_id, policy_type, lower(display_name), id) WHERE removed_at IS NULL;
CREATE INDEX policies_current_version_idx ON policies (current_version_id, id);

CREATE TABLE policy_versions (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    policy_id uuid NOT NULL,
    -- Captured content without transport noise, server state and secrets.
    content jsonb NOT NULL,
    assignments jsonb NOT NULL,
    -- [{"path","facet","kind","external_id"}]: every place that points to another object.
    references_used jsonb NOT NULL,
    -- SHA-256 over canonical content + assignments: the same content is stored once.
    content_hash text NOT NULL,
    registry_version text NOT NULL,
    -- The key that keyed secret fingerprints inside content were made with; NULL when it holds none.
    fingerprint_key_id text,
    observed_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (policy_id, content_hash),
    UNIQUE (tenant_id, id),
    UNIQUE (policy_id, id),
    FOREIGN KEY (tenant_id, policy_id) REFERENCES policies (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, tenant_id)
        REFERENCES managed_tenants (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX policy_versions_policy_idx ON policy_versions (tenant_id, policy_id);
-- Which policies point to an object that was renamed or removed.
CREATE INDEX policy_versions_references_idx ON policy_versions USING gin (references_used jsonb_path_ops);
CREATE INDEX policy_versions_workspace_idx ON policy_versions (workspace_id, tenant_id);

-- A policy's current version is one of its own. Deferred: both rows arrive in one transaction.
ALTER TABLE policies ADD CONSTRAINT policies_current_version_fkey
    FOREIGN KEY (id, current_version_id) REFERENCES policy_versions (policy_id, id)
    ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED;
