//! The tables as diesel sees them, as `diesel print-schema` prints them from the migrations.

diesel::table! {
    api_tokens (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        user_id -> Uuid,
        name -> Text,
        token_hash -> Bytea,
        capabilities -> Nullable<Array<Text>>,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        last_used_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    audit_heads (workspace_id) {
        workspace_id -> Uuid,
        sequence -> Int8,
        mac -> Bytea,
    }
}

diesel::table! {
    audit_logs (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        sequence -> Int8,
        action -> Text,
        actor_user_id -> Nullable<Uuid>,
        actor_token_id -> Nullable<Uuid>,
        tenant_id -> Nullable<Uuid>,
        operation_run_id -> Nullable<Uuid>,
        request_id -> Nullable<Text>,
        detail -> Jsonb,
        recorded_at -> Timestamptz,
        previous_mac -> Bytea,
        mac -> Bytea,
    }
}

diesel::table! {
    graph_lanes (entra_tenant_id, lane) {
        entra_tenant_id -> Uuid,
        lane -> Text,
        next_at -> Timestamptz,
    }
}

diesel::table! {
    idempotency_keys (workspace_id, user_id, key) {
        workspace_id -> Uuid,
        user_id -> Uuid,
        key -> Text,
        request_hash -> Text,
        operation_run_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    inventory_coverage (tenant_id, subject) {
        workspace_id -> Uuid,
        tenant_id -> Uuid,
        subject -> Text,
        status -> Text,
        reason_code -> Nullable<Text>,
        message -> Nullable<Text>,
        read_started_at -> Timestamptz,
        read_ended_at -> Timestamptz,
        complete_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    managed_tenants (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        display_name -> Text,
        entra_tenant_id -> Uuid,
        inventory_generation -> Int8,
        verified_domains -> Array<Text>,
        created_at -> Timestamptz,
        removed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    member_identities (workspace_id, user_id) {
        workspace_id -> Uuid,
        user_id -> Uuid,
        issuer -> Text,
        subject -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    notifications (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        user_id -> Uuid,
        operation_run_id -> Uuid,
        title -> Text,
        created_at -> Timestamptz,
        read_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    operation_run_items (operation_run_id, subject_key) {
        operation_run_id -> Uuid,
        position -> Int4,
        subject_key -> Text,
        policy_type -> Text,
        display_name -> Text,
        action -> Text,
        outcome -> Text,
        effect -> Nullable<Text>,
        reason_code -> Nullable<Text>,
        message -> Nullable<Text>,
        attempts -> Int4,
        journal -> Jsonb,
        source_policy_id -> Nullable<Uuid>,
        source_version_id -> Nullable<Uuid>,
        target_policy_id -> Nullable<Uuid>,
        target_version_id -> Nullable<Uuid>,
        target_external_id -> Nullable<Text>,
        result_version_id -> Nullable<Uuid>,
        graph_request_ids -> Array<Text>,
        started_at -> Nullable<Timestamptz>,
        completed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    operation_runs (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        #[sql_name = "type"]
        type_ -> Text,
        tenant_id -> Uuid,
        source_tenant_id -> Nullable<Uuid>,
        status -> Text,
        outcome -> Text,
        outcome_reason -> Nullable<Text>,
        waiting_reason -> Nullable<Text>,
        waiting_until -> Nullable<Timestamptz>,
        revision -> Int8,
        identity -> Text,
        context -> Jsonb,
        launch_context -> Nullable<Jsonb>,
        summary_counts -> Jsonb,
        initiator_user_id -> Uuid,
        initiator_token_id -> Nullable<Uuid>,
        cancel_requested_at -> Nullable<Timestamptz>,
        lease_holder -> Nullable<Text>,
        lease_expires_at -> Nullable<Timestamptz>,
        fence -> Int8,
        wake_seq -> Int4,
        rescues -> Int4,
        created_at -> Timestamptz,
        started_at -> Nullable<Timestamptz>,
        completed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    operational_controls (id) {
        id -> Uuid,
        operation_type -> Text,
        workspace_id -> Nullable<Uuid>,
        tenant_id -> Nullable<Uuid>,
        state -> Text,
        reason -> Text,
        changed_by -> Nullable<Uuid>,
        changed_at -> Timestamptz,
    }
}

diesel::table! {
    policies (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        tenant_id -> Uuid,
        policy_type -> Text,
        external_id -> Text,
        display_name -> Text,
        platform -> Nullable<Text>,
        identity_key -> Text,
        current_version_id -> Nullable<Uuid>,
        capture_state -> Text,
        capture_reason -> Nullable<Text>,
        fingerprints -> Nullable<Jsonb>,
        verified_pairs -> Nullable<Jsonb>,
        observed_at -> Timestamptz,
        last_seen_at -> Timestamptz,
        removed_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    policy_versions (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        tenant_id -> Uuid,
        policy_id -> Uuid,
        content -> Jsonb,
        assignments -> Jsonb,
        references_used -> Jsonb,
        content_hash -> Text,
        registry_version -> Text,
        fingerprint_key_id -> Nullable<Text>,
        observed_at -> Timestamptz,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    provider_connections (tenant_id) {
        tenant_id -> Uuid,
        workspace_id -> Uuid,
        cloud -> Text,
        client_id -> Uuid,
        credential_kind -> Text,
        sealed_credential -> Bytea,
        seal_key_id -> Text,
        credential_expires_at -> Nullable<Timestamptz>,
        health -> Text,
        health_code -> Nullable<Text>,
        health_message -> Nullable<Text>,
        checked_at -> Nullable<Timestamptz>,
        granted_roles -> Nullable<Array<Text>>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        secret_reading -> Bool,
    }
}

diesel::table! {
    tenant_memberships (tenant_id, user_id) {
        workspace_id -> Uuid,
        tenant_id -> Uuid,
        user_id -> Uuid,
        role -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    tenant_references (id) {
        id -> Uuid,
        workspace_id -> Uuid,
        tenant_id -> Uuid,
        kind -> Text,
        external_id -> Text,
        name -> Nullable<Text>,
        discriminator -> Text,
        observed_at -> Timestamptz,
        removed_at -> Nullable<Timestamptz>,
        facts -> Jsonb,
    }
}

diesel::table! {
    users (id) {
        id -> Uuid,
        kind -> Text,
        email -> Nullable<Text>,
        display_name -> Text,
        oidc_issuer -> Nullable<Text>,
        oidc_subject -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    workspace_memberships (workspace_id, user_id) {
        workspace_id -> Uuid,
        user_id -> Uuid,
        role -> Text,
        created_at -> Timestamptz,
        display_name -> Nullable<Text>,
    }
}

diesel::table! {
    workspaces (id) {
        id -> Uuid,
        name -> Text,
        created_at -> Timestamptz,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    api_tokens,
    audit_heads,
    audit_logs,
    graph_lanes,
    idempotency_keys,
    inventory_coverage,
    managed_tenants,
    member_identities,
    notifications,
    operation_run_items,
    operation_runs,
    operational_controls,
    policies,
    policy_versions,
    provider_connections,
    tenant_memberships,
    tenant_references,
    users,
    workspace_memberships,
    workspaces,
);
