//! Assignment filters and scope tags: what everything else points to.

use super::{ASSIGN, AssignmentRule, PLAIN, PolicyType};
use crate::model::ResourceFamily;

pub(super) const ASSIGNMENT_FILTERS: PolicyType = PolicyType {
    key: "assignmentFilters",
    display_name: "Assignment filters",
    path: "/deviceManagement/assignmentFilters",
    platform_property: Some("platform"),
    identity: &["platform", "assignmentFilterManagementType"],
    // `payloads` lists the policies that use the filter: computed by the service.
    server_state: &["payloads"],
    strip_update: &["platform", "assignmentFilterManagementType"],
    immutable: &["platform", "assignmentFilterManagementType"],
    scope_tags: Some("roleScopeTags"),
    defaults: &[("assignmentFilterManagementType", "\"devices\"")],
    reference_kind: Some("assignment_filter"),
    wave: 0,
    family: ResourceFamily::Bundles,
    ..PLAIN
};

pub(super) const SCOPE_TAGS: PolicyType = PolicyType {
    key: "roleScopeTags",
    display_name: "Scope tags",
    path: "/deviceManagement/roleScopeTags",
    // Tag 0 "Default" is part of every tenant.
    skip_when: &[("isBuiltIn", "true"), ("id", "\"0\"")],
    server_state: &["isBuiltIn"],
    // Groups whose devices get the tag by themselves.
    assignments: Some(AssignmentRule {
        filters: false,
        ..ASSIGN
    }),
    scope_tags: None,
    reference_kind: Some("scope_tag"),
    wave: 0,
    family: ResourceFamily::RoleBasedAccess,
    read_permissions: &["DeviceManagementRBAC.Read.All"],
    write_permissions: &["DeviceManagementRBAC.ReadWrite.All"],
    ..PLAIN
};
