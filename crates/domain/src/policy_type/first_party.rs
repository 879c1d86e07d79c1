//! Application ids that mean the same in every tenant: reserved words of Conditional Access and
//! Microsoft's own applications.

/// Whether an application id (lower case) is a reserved word or one of Microsoft's own
/// applications, which have the same id in every tenant.
pub fn is_first_party_application(id: &str) -> bool {
    // Ids of the form 0000xxxx-0000-0000-c000-000000000000 and 0000xxxx-0000-0ff1-ce00-… are
    // Microsoft's own ranges (Entra platform and Office).
    let platform = id.len() == 36
        && id.starts_with("0000")
        && (id.ends_with("-0000-0000-c000-000000000000")
            || id.ends_with("-0000-0ff1-ce00-000000000000"));
    platform || RESERVED_WORDS.contains(&id) || FIRST_PARTY.contains(&id)
}

/// Whether it is a word that stands for applications, and no application's id (lower case).
pub fn is_application_word(id: &str) -> bool {
    RESERVED_WORDS.contains(&id)
}

/// Words that Graph accepts in place of an application id.
const RESERVED_WORDS: &[&str] = &[
    "all",
    "none",
    "office365",
    "microsoftadminportals",
    "allagentidresources",
];

/// Well-known multi-tenant applications of Microsoft that Conditional Access policies name.
const FIRST_PARTY: &[&str] = &[
    "022907d3-0f1b-48f7-badc-1ba6abab6d66", // Azure SQL Database
    "04b07795-8ddb-461a-bbee-02f9e1bf7b46", // Azure CLI
    "0af06dc6-e4b5-4f28-818e-e78e62d137a5", // Windows 365
    "14d82eec-204b-4c2f-b7e8-296a70dab67e", // Microsoft Graph Command Line Tools
    "1950a258-227b-4e31-a9cf-717495945fc2", // Azure PowerShell
    "1b730954-1685-4b74-9bfd-dac224a7b894", // Azure Active Directory PowerShell
    "1fec8e78-bce4-4aaf-ab1b-5451cc387264", // Microsoft Teams clients
    "270efc09-cd0d-444b-a71f-39af4910ec45", // Windows Cloud Login
    "2793995e-0a7d-40d7-bd35-6968ba142197", // My Apps
    "29d9ed98-a469-4536-ade2-f981bc1d605e", // Microsoft Authentication Broker
    "372140e0-b3b7-4226-8ef9-d57986796201", // Azure Windows VM Sign-In
    "45a330b1-b1ec-4cc1-9161-9f03992aa49f", // Windows Store for Business
    "475226c6-020e-4fb2-8a90-7a972cbfc1d4", // Power Apps
    "499b84ac-1321-427f-aa17-267ca6975798", // Azure DevOps
    "5e3ce6c0-2b1f-4285-8d4b-75ee78787346", // Microsoft Teams
    "797f4846-ba00-4fd7-ba43-dac1f8f63013", // Windows Azure Service Management API
    "7df0a125-d3be-4c96-aa54-591f83ff541c", // Power Automate
    "80ccca67-54bd-44ab-8625-4b79c4dc7775", // Microsoft 365 Security and Compliance Center
    "8c59ead7-d703-4a27-9e55-c96a0054c8d2", // My Profile
    "9cdead84-a844-4324-93f2-b2e6bb768d07", // Azure Virtual Desktop
    "a4a365df-50f1-4397-bc59-1a1564b8bb9c", // Microsoft Remote Desktop
    "c44b4083-3bb0-49c1-b47d-974e53cbdf3c", // Azure Portal
    "cc15fd57-2c6c-4117-a88c-83b1d56b4bbe", // Microsoft Teams Services
    "cfa8b339-82a2-471a-a3c9-0fc0be7a4093", // Azure Key Vault
    "d3590ed6-52b3-4102-aeff-aad2292ab01c", // Microsoft Office
    "d4ebce55-015a-49b5-a083-c84d1797ae8c", // Microsoft Intune Enrollment
    "e406a681-f3d4-42a8-90b6-c2b029497af1", // Azure Storage
    "fc780465-2017-40d4-a0c5-307022471b92", // Microsoft Defender for Endpoint
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_words_and_microsoft_ids_are_the_same_everywhere() {
        assert!(is_first_party_application("office365"));
        assert!(is_first_party_application(
            "00000003-0000-0ff1-ce00-000000000000"
        ));
        assert!(is_first_party_application(
            "0000000a-0000-0000-c000-000000000000"
        ));
        assert!(is_first_party_application(
            "797f4846-ba00-4fd7-ba43-dac1f8f63013"
        ));
        assert!(!is_first_party_application(
            "f53895d3-095d-408f-8e93-8f94b391404e"
        ));
    }
}
