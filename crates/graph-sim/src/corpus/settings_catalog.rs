//! Settings catalog policies: every kind of setting, small ones and ones beyond a page.

use serde_json::{Value, json};

use super::{Draft, Names, all_devices, all_users};

const PREFIX: &str = "#microsoft.graph.deviceManagementConfiguration";

fn instance(kind: &str, definition: &str, member: &str, value: Value) -> Value {
    let mut instance = json!({
        "@odata.type": format!("{PREFIX}{kind}Instance"),
        "settingDefinitionId": definition,
        "settingInstanceTemplateReference": null,
    });
    instance[member] = value;
    instance
}

fn setting(instance: Value) -> Value {
    json!({"@odata.type": format!("{PREFIX}Setting"), "settingInstance": instance})
}

fn choice(definition: &str, option: &str, children: Vec<Value>) -> Value {
    let value = json!({"settingValueTemplateReference": null,
        "value": format!("{definition}_{option}"), "children": children});
    instance("ChoiceSetting", definition, "choiceSettingValue", value)
}

fn integer(definition: &str, number: i64) -> Value {
    let value = json!({"@odata.type": format!("{PREFIX}IntegerSettingValue"),
        "settingValueTemplateReference": null, "value": number});
    instance("SimpleSetting", definition, "simpleSettingValue", value)
}

fn text(definition: &str, value: &str) -> Value {
    let value = json!({"@odata.type": format!("{PREFIX}StringSettingValue"),
        "settingValueTemplateReference": null, "value": value});
    instance("SimpleSetting", definition, "simpleSettingValue", value)
}

fn texts(definition: &str, values: &[&str]) -> Value {
    let values: Vec<Value> = values
        .iter()
        .map(|value| {
            json!({"@odata.type": format!("{PREFIX}StringSettingValue"),
                "settingValueTemplateReference": null, "value": value})
        })
        .collect();
    instance(
        "SimpleSettingCollection",
        definition,
        "simpleSettingCollectionValue",
        json!(values),
    )
}

fn reference(definition: &str, id: &str) -> Value {
    let values = json!([{"@odata.type": format!("{PREFIX}ReferenceSettingValue"),
        "settingValueTemplateReference": null, "value": id, "note": null}]);
    instance(
        "SimpleSettingCollection",
        definition,
        "simpleSettingCollectionValue",
        values,
    )
}

fn choices(definition: &str, options: &[&str]) -> Value {
    let values: Vec<Value> = options
        .iter()
        .map(|option| {
            json!({"settingValueTemplateReference": null,
                "value": format!("{definition}_{option}"), "children": []})
        })
        .collect();
    instance(
        "ChoiceSettingCollection",
        definition,
        "choiceSettingCollectionValue",
        json!(values),
    )
}

fn groups(definition: &str, groups: Vec<Vec<Value>>) -> Value {
    let values: Vec<Value> = groups
        .into_iter()
        .map(|children| json!({"settingValueTemplateReference": null, "children": children}))
        .collect();
    instance(
        "GroupSettingCollection",
        definition,
        "groupSettingCollectionValue",
        json!(values),
    )
}

/// `count` settings of one area: mostly switches, some with a number or a text below them.
fn area(platform: &str, area: &str, count: usize) -> Vec<Value> {
    (0..count)
        .map(|number| {
            let definition = format!("{platform}_policy_config_{area}_setting{number:03}");
            let children = match number % 5 {
                1 => vec![integer(
                    &format!("{definition}_limit"),
                    5 + i64::from(u8::try_from(number % 50).unwrap_or(0)),
                )],
                3 => vec![text(
                    &format!("{definition}_value"),
                    &format!("value {number} of {area}"),
                )],
                _ => Vec::new(),
            };
            match number % 7 {
                5 => integer(&definition, 30),
                6 => texts(&definition, &["first.example", "second.example"]),
                _ => choice(
                    &definition,
                    if number % 3 == 0 { "1" } else { "0" },
                    children,
                ),
            }
        })
        .collect()
}

struct Plan<'a> {
    name: &'a str,
    platforms: &'a str,
    technologies: &'a str,
    template: &'a str,
    tag: String,
}

fn policy(plan: &Plan<'_>, instances: Vec<Value>) -> Draft {
    let family = match plan.template.get(..8) {
        Some("804339ad") => "endpointSecurityAntivirus",
        Some("19c8aa67") => "endpointSecurityFirewall",
        Some("46ddfc50") => "endpointSecurityDiskEncryption",
        Some("e8c053d6") => "endpointSecurityAttackSurfaceReduction",
        _ => "none",
    };
    let settings: Vec<Value> = instances.into_iter().map(setting).collect();
    Draft::new(
        "configurationPolicies",
        json!({
            "name": plan.name,
            "description": format!("Baseline: {}.", plan.name),
            "platforms": plan.platforms,
            "technologies": plan.technologies,
            "roleScopeTagIds": [plan.tag],
            "templateReference": {"templateId": plan.template, "templateFamily": family},
            "settings": settings,
        }),
    )
}

const PLAIN: [(&str, &str, &str, &str, usize); 22] = [
    ("Win - Printers", "windows10", "mdm", "printers", 5),
    ("Win - Time Service", "windows10", "mdm", "w32time", 4),
    (
        "Win - Remote Desktop",
        "windows10",
        "mdm",
        "remotedesktopservices",
        7,
    ),
    ("Win - Storage Sense", "windows10", "mdm", "storage", 9),
    (
        "macOS - Screen Saver",
        "macOS",
        "mdm,appleRemoteManagement",
        "screensaver",
        4,
    ),
    (
        "iOS - Home Screen",
        "iOS",
        "mdm,appleRemoteManagement",
        "homescreenlayout",
        6,
    ),
    (
        "Win - Edge - Security Baseline",
        "windows10",
        "mdm",
        "microsoft_edge",
        40,
    ),
    (
        "Win - Office - Hardening",
        "windows10",
        "mdm",
        "office16",
        62,
    ),
    (
        "Win - Browser - Chrome",
        "windows10",
        "mdm",
        "chromeintunev1",
        27,
    ),
    (
        "Win - Updates - Delivery Optimization",
        "windows10",
        "mdm",
        "deliveryoptimization",
        8,
    ),
    ("Win - Power Settings", "windows10", "mdm", "power", 6),
    (
        "Win - Local Security Options",
        "windows10",
        "mdm",
        "localpoliciessecurityoptions",
        25,
    ),
    ("Win - Device Lock", "windows10", "mdm", "devicelock", 9),
    ("Win - Privacy", "windows10", "mdm", "privacy", 26),
    ("Win - Start Menu", "windows10", "mdm", "start", 12),
    (
        "macOS - FileVault",
        "macOS",
        "mdm,appleRemoteManagement",
        "filevault",
        7,
    ),
    (
        "macOS - Gatekeeper",
        "macOS",
        "mdm,appleRemoteManagement",
        "systempolicycontrol",
        5,
    ),
    (
        "macOS - Firewall",
        "macOS",
        "mdm,appleRemoteManagement",
        "firewall",
        4,
    ),
    (
        "macOS - Restrictions",
        "macOS",
        "mdm,appleRemoteManagement",
        "applicationaccess",
        31,
    ),
    (
        "iOS - Software Updates",
        "iOS",
        "mdm,appleRemoteManagement",
        "ddmsoftwareupdate",
        3,
    ),
    (
        "iOS - Restrictions",
        "iOS",
        "mdm,appleRemoteManagement",
        "iosapplicationaccess",
        22,
    ),
    (
        "Android - Device Restrictions",
        "androidEnterprise",
        "mdm",
        "androidrestrictions",
        14,
    ),
];

pub(super) fn policies(names: &Names<'_>, tenant_id: &str) -> Vec<Draft> {
    let zero = || "0".to_owned();
    let mut drafts = Vec::new();
    for (index, (name, platforms, technologies, part, count)) in PLAIN.into_iter().enumerate() {
        let plan = Plan {
            name,
            platforms,
            technologies,
            template: "",
            tag: zero(),
        };
        let prefix = if platforms == "windows10" {
            "device_vendor_msft"
        } else {
            platforms
        };
        let draft = policy(&plan, area(&prefix.to_lowercase(), part, count));
        drafts.push(match index % 4 {
            0 => draft.assigned(vec![all_devices()]),
            1 => draft.assigned(vec![
                names.include("Windows Corporate Devices"),
                names.exclude("Kiosk Devices"),
            ]),
            2 => draft.assigned(vec![all_users()]),
            _ => draft,
        });
    }
    drafts.extend(windows_security(names));
    let windows = |name, tag| Plan {
        name,
        platforms: "windows10",
        technologies: "mdm",
        template: "",
        tag,
    };
    let onedrive = "device_vendor_msft_policy_config_onedrivengscv2~policy~onedrivengsc";
    drafts.push(
        policy(
            &windows("Win - OneDrive - Known Folder Move", zero()),
            vec![
                choice(
                    &format!("{onedrive}_kfmoptinnowizard"),
                    "1",
                    vec![text(
                        &format!("{onedrive}_kfmoptinnowizard_textbox"),
                        tenant_id,
                    )],
                ),
                choice(&format!("{onedrive}_silentaccountconfig"), "1", Vec::new()),
            ],
        )
        .assigned(vec![all_users()]),
    );
    drafts.push(
        policy(
            &windows("Win - Engineering Tools", zero()),
            area("device_vendor_msft", "applicationdefaults", 11),
        )
        .assigned(vec![names.include("Engineering Laptops")]),
    );
    drafts.push(
        policy(
            &windows("Win - Kiosk Shell", names.tag("Retail Kiosks")),
            area("device_vendor_msft", "shelllauncher", 10),
        )
        .assigned(vec![names.include_filtered(
            "Kiosk Devices",
            "Windows 11 Corporate",
            "include",
        )]),
    );
    drafts.push(policy(
        &windows("Win - Helpdesk Remote Tools", names.tag("Helpdesk EMEA")),
        vec![choices(
            "device_vendor_msft_policy_config_remoteassistance_tools",
            &["0", "2", "5"],
        )],
    ));
    drafts
}

fn windows_security(names: &Names<'_>) -> Vec<Draft> {
    let plan = |name, template, technologies| Plan {
        name,
        platforms: "windows10",
        technologies,
        template,
        tag: "0".to_owned(),
    };
    let rule = |name: &str, port: &str, subnets: Value| {
        let base = "vendor_msft_firewall_mdmstore_firewallrules_{firewallrulename}";
        vec![
            text(&format!("{base}_displayname"), name),
            choice(&format!("{base}_enabled"), "1", Vec::new()),
            choice(&format!("{base}_direction"), "in", Vec::new()),
            texts(&format!("{base}_localportranges"), &[port]),
            subnets,
        ]
    };
    let base = "vendor_msft_firewall_mdmstore_firewallrules_{firewallrulename}";
    let subnets = names.id("reusablePolicySettings", "Internal subnets");
    let branches = names.id("reusablePolicySettings", "Branch subnets");
    vec![
        policy(
            &plan(
                "Win - Defender - Antivirus",
                "804339ad-1553-4478-a742-138fb5807418_1",
                "mdm,microsoftSense",
            ),
            area("device_vendor_msft", "defender", 18),
        )
        .assigned(vec![names.include_filtered(
            "Windows Corporate Devices",
            "Windows Virtual Machines",
            "exclude",
        )]),
        policy(
            &plan(
                "Win - Firewall Rules",
                "19c8aa67-f286-4861-9aa0-f23541d31680_1",
                "mdm,microsoftSense",
            ),
            vec![groups(
                base,
                vec![
                    rule(
                        "Allow remote management",
                        "5985",
                        reference(&format!("{base}_remoteaddressdynamickeywords"), &subnets),
                    ),
                    rule(
                        "Allow file sharing",
                        "445",
                        texts(&format!("{base}_remoteaddressranges"), &["10.20.0.0/16"]),
                    ),
                    rule(
                        "Allow monitoring",
                        "10050",
                        texts(&format!("{base}_remoteaddressranges"), &["10.21.0.5"]),
                    ),
                ],
            )],
        )
        .assigned(vec![all_devices()]),
        policy(
            &plan(
                "Win - Firewall Rules - Branches",
                "19c8aa67-f286-4861-9aa0-f23541d31680_1",
                "mdm,microsoftSense",
            ),
            vec![groups(
                base,
                vec![rule(
                    "Allow branch printers",
                    "9100",
                    reference(&format!("{base}_remoteaddressdynamickeywords"), &branches),
                )],
            )],
        )
        .assigned(vec![all_devices()]),
        policy(
            &plan(
                "Win - BitLocker",
                "46ddfc50-d10f-4867-b852-9434254b3bff_1",
                "mdm",
            ),
            area("device_vendor_msft", "bitlocker", 13),
        )
        .assigned(vec![names.include("Windows Corporate Devices")]),
        policy(
            &plan(
                "Win - Attack Surface Reduction",
                "e8c053d6-9f95-42b1-a7f1-ebfd71c67a4b_1",
                "mdm,microsoftSense",
            ),
            area("device_vendor_msft", "attacksurface", 16),
        )
        .assigned(vec![names.include("Pilot Devices")]),
    ]
}
