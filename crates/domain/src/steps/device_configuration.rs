//! The body form of device configuration profiles, and the ones that cannot be written whole.

use serde_json::Value;

use super::{StepError, refuse};
use crate::json::pattern;
use crate::policy_type::odata_type;

/// `isEncrypted` is the service's word about a value, and refused in a create.
pub(super) fn shape(body: &mut Value) {
    pattern::remove(body, "omaSettings[].isEncrypted");
    pattern::remove(body, "privacyAccessControls");
}

/// Profiles that point to a certificate profile do so by links that are no part of what is
/// captured: written without them, they would not work.
pub(super) fn check(content: &Value) -> Result<(), StepError> {
    let name = odata_type(content);
    let method = content
        .get("authenticationMethod")
        .and_then(Value::as_str)
        .unwrap_or("certificate");
    let bound = ALWAYS_BOUND.contains(&name)
        || (BOUND_BY_METHOD.contains(&name)
            && matches!(method, "certificate" | "derivedCredential" | "azureAD"));
    if bound {
        return refuse(
            "certificate_binding_not_captured",
            format!(
                "A {name} points to certificate profiles by links that cannot be carried yet; write it by hand."
            ),
        );
    }
    let access = content
        .get("privacyAccessControls")
        .and_then(Value::as_array);
    if access.is_some_and(|items| !items.is_empty()) {
        return refuse(
            "invalid_for_create",
            "/privacyAccessControls has an action of its own that cannot be carried yet; write it by hand.",
        );
    }
    Ok(())
}

/// Types whose certificate links the service requires or that check the server by one.
const ALWAYS_BOUND: &[&str] = &[
    "androidDeviceOwnerDerivedCredentialAuthenticationConfiguration",
    "androidDeviceOwnerEnterpriseWiFiConfiguration",
    "androidDeviceOwnerScepCertificateProfile",
    "androidEnterpriseWiFiConfiguration",
    "androidForWorkEnterpriseWiFiConfiguration",
    "androidForWorkScepCertificateProfile",
    "androidScepCertificateProfile",
    "androidWorkProfileEnterpriseWiFiConfiguration",
    "androidWorkProfileScepCertificateProfile",
    "aospDeviceOwnerEnterpriseWiFiConfiguration",
    "aospDeviceOwnerScepCertificateProfile",
    "iosDerivedCredentialAuthenticationConfiguration",
    "iosEnterpriseWiFiConfiguration",
    "iosScepCertificateProfile",
    "iosWiredNetworkConfiguration",
    "macOSEnterpriseWiFiConfiguration",
    "macOSScepCertificateProfile",
    "macOSWiredNetworkConfiguration",
    "windows81SCEPCertificateProfile",
    "windowsPhone81SCEPCertificateProfile",
    "windowsWifiEnterpriseEAPConfiguration",
    "windowsWiredNetworkConfiguration",
    "windowsZtdnsConfiguration",
];

/// Types that point to a certificate only when they authenticate by one.
const BOUND_BY_METHOD: &[&str] = &[
    "androidDeviceOwnerVpnConfiguration",
    "androidEasEmailProfileConfiguration",
    "androidForWorkGmailEasConfiguration",
    "androidForWorkNineWorkEasConfiguration",
    "androidForWorkVpnConfiguration",
    "androidVpnConfiguration",
    "androidWorkProfileGmailEasConfiguration",
    "androidWorkProfileNineWorkEasConfiguration",
    "androidWorkProfileVpnConfiguration",
    "iosEasEmailProfileConfiguration",
    "iosVpnConfiguration",
    "iosikEv2VpnConfiguration",
    "macOSVpnConfiguration",
    "windows10VpnConfiguration",
    "windowsPhone81VpnConfiguration",
];
