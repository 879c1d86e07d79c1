//! Where a refused call is tried instead.
#![expect(clippy::expect_used, reason = "a test may stop where it stands")]

use super::*;

fn step(method: &str, version: GraphVersion, path: &str) -> WriteStep {
    WriteStep {
        name: "s".to_owned(),
        kind: StepKind::ReplaceAction,
        method: method.to_owned(),
        version,
        path: path.to_owned(),
        path_template: path.to_owned(),
        body: None,
    }
}

#[test]
fn a_refusal_that_names_the_other_version_is_followed_for_every_type() {
    let said =
        "1038: Policy contains preview features. Use the Beta endpoint to make these changes.";
    for row in crate::policy_type::all() {
        let call = step("POST", GraphVersion::V1, row.path);
        let other = detour(&call, said).expect(row.key);
        assert_eq!(other.version, GraphVersion::Beta, "{}", row.key);
        assert_eq!((other.method, other.path), (call.method, call.path));
    }
    let call = step("POST", GraphVersion::Beta, "/x");
    assert_eq!(detour(&call, said), None, "beta was the way that was taken");
    let back = detour(&call, "This is served by the v1.0 endpoint only.").expect("v1.0");
    assert_eq!(back.version, GraphVersion::V1);
}

#[test]
fn no_other_refusal_is_followed() {
    for said in [
        "",
        "Alphabet is not allowed",
        "1011: The condition must have an entry",
    ] {
        assert_eq!(
            detour(&step("POST", GraphVersion::V1, "/x"), said),
            None,
            "{said}"
        );
    }
}

#[test]
fn only_the_clearing_of_a_device_group_has_another_verb() {
    let said = "No OData route exists that match template ~/singleton/navigation/key/action with \
                http verb POST for request";
    let path =
        "/deviceManagement/configurationPolicies/1/clearEnrollmentTimeDeviceMembershipTarget";
    let clear = step("POST", GraphVersion::Beta, path);
    assert_eq!(detour(&clear, said).expect("a verb").method, "DELETE");
    assert_eq!(
        detour(&step("DELETE", GraphVersion::Beta, path), said),
        None
    );
    for path in [
        "/a/1/assign",
        "/a/1/setEnrollmentTimeDeviceMembershipTarget",
        "/a/1",
    ] {
        assert_eq!(
            detour(&step("POST", GraphVersion::Beta, path), said),
            None,
            "{path}"
        );
    }
}
