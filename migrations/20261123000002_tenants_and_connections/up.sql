CREATE TABLE managed_tenants (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    display_name text NOT NULL CHECK (length(display_name) BETWEEN 1 AND 200),
    entra_tenant_id uuid NOT NULL,
    -- Raised in the transaction of every inventory change; execute compares it to see that nothing moved.
    inventory_generation bigint NOT NULL DEFAULT 0 CHECK (inventory_generation >= 0),
    -- Verified domains and other facts of the organisation read at sync; literals are looked for with them.
    verified_domains text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (workspace_id, entra_tenant_id),
    UNIQUE (workspace_id, id)
);
CREATE UNIQUE INDEX managed_tenants_name_key ON managed_tenants (workspace_id, lower(display_name));

CREATE TABLE tenant_memberships (
    workspace_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role text NOT NULL CHECK (role IN ('readonly', 'operator', 'manager', 'owner')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (workspace_id, tenant_id)
        REFERENCES managed_tenants (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, user_id)
        REFERENCES workspace_memberships (workspace_id, user_id) ON DELETE CASCADE
);
CREATE INDEX tenant_memberships_workspace_tenant_idx ON tenant_memberships (workspace_id, tenant_id);
CREATE INDEX tenant_memberships_workspace_user_idx ON tenant_memberships (workspace_id, user_id);

CREATE TABLE provider_connections (
    tenant_id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL,
    cloud text NOT NULL CHECK (cloud IN ('global', 'us_gov', 'us_gov_dod', 'china')),
    client_id uuid NOT NULL,
    credential_kind text NOT NULL CHECK (credential_kind IN ('client_secret', 'certificate', 'federated_token')),
    -- Sealed to the worker's public key; associated data = tenant id + column. The API cannot open it.
    sealed_credential bytea NOT NULL,
    seal_key_id text NOT NULL,
    credential_expires_at timestamptz,
    health text NOT NULL DEFAULT 'unknown' CHECK (health IN ('unknown', 'healthy', 'unhealthy')),
    health_code text,
    health_message text,
    checked_at timestamptz,
    -- Application roles seen in the last token; NULL = never seen one.
    granted_roles text[],
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (workspace_id, tenant_id)
        REFERENCES managed_tenants (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX provider_connections_workspace_idx ON provider_connections (workspace_id, tenant_id);

-- One row per rate lane that all processes share (Conditional Access: one request per second per
-- tenant for all applications). Keyed by Entra tenant: two workspaces may manage the same one.
CREATE TABLE graph_lanes (
    entra_tenant_id uuid NOT NULL,
    lane text NOT NULL CHECK (lane IN ('conditional_access')),
    next_at timestamptz NOT NULL,
    PRIMARY KEY (entra_tenant_id, lane)
);
