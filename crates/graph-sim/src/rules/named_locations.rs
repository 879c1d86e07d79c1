//! Named locations: address ranges and country codes that mean something.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Value, json};

use super::{Scene, strings};
use crate::answer::Refusal;
use crate::check::Write;
use crate::state::Object;

pub(super) fn judge(
    scene: &Scene<'_>,
    write: Write,
    body: &Map<String, Value>,
    _before: Option<&Object>,
) -> Result<(), Refusal> {
    let kind = body
        .get("@odata.type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    match kind.strip_prefix("#microsoft.graph.") {
        Some("ipNamedLocation") => judge_ranges(scene, write, body),
        Some("countryNamedLocation") => judge_countries(scene, write, body),
        _ => Err(scene.refuse("1051: This kind of named location cannot be created.")),
    }
}

fn judge_ranges(scene: &Scene<'_>, write: Write, body: &Map<String, Value>) -> Result<(), Refusal> {
    let Some(ranges) = body.get("ipRanges").and_then(Value::as_array) else {
        return if write == Write::Create {
            Err(scene.refuse("1053: 'ipRanges' must contain at least one range."))
        } else {
            Ok(())
        };
    };
    if ranges.is_empty() {
        return Err(scene.refuse("1053: 'ipRanges' must contain at least one range."));
    }
    for range in ranges {
        let text = |name: &str| range.get(name).and_then(Value::as_str);
        let kind = text("@odata.type").unwrap_or_default();
        let fits = match kind.trim_start_matches("#microsoft.graph.") {
            "iPv4CidrRange" => is_cidr::<Ipv4Addr>(text("cidrAddress"), 32),
            "iPv6CidrRange" => is_cidr::<Ipv6Addr>(text("cidrAddress"), 128),
            "iPv4Range" => {
                is_address::<Ipv4Addr>(text("lowerAddress"))
                    && is_address::<Ipv4Addr>(text("upperAddress"))
            }
            "iPv6Range" => {
                is_address::<Ipv6Addr>(text("lowerAddress"))
                    && is_address::<Ipv6Addr>(text("upperAddress"))
            }
            _ => false,
        };
        if !fits {
            return Err(scene.refuse(format!("1052: Invalid IP address range: {range}.")));
        }
    }
    Ok(())
}

fn is_address<T: std::str::FromStr>(text: Option<&str>) -> bool {
    text.is_some_and(|text| text.parse::<T>().is_ok())
}

fn is_cidr<T: std::str::FromStr>(text: Option<&str>, bits: u8) -> bool {
    text.and_then(|text| text.split_once('/'))
        .is_some_and(|(address, length)| {
            address.parse::<T>().is_ok() && length.parse::<u8>().is_ok_and(|length| length <= bits)
        })
}

fn judge_countries(
    scene: &Scene<'_>,
    write: Write,
    body: &Map<String, Value>,
) -> Result<(), Refusal> {
    if !body.contains_key("countriesAndRegions") && write != Write::Create {
        return Ok(());
    }
    let countries = strings(body, "countriesAndRegions");
    let unknown = body.get("includeUnknownCountriesAndRegions") == Some(&Value::Bool(true));
    if countries.is_empty() && !unknown {
        return Err(scene.refuse("1054: 'countriesAndRegions' must contain at least one country."));
    }
    for country in countries {
        if country.len() != 2 || !country.chars().all(|c| c.is_ascii_uppercase()) {
            return Err(scene.refuse(format!("1055: Invalid country or region: {country}.")));
        }
    }
    Ok(())
}

pub(super) fn complete(_: &Scene<'_>, object: &mut Object) {
    if object.kind() == Some("countryNamedLocation") {
        object
            .body
            .entry("countryLookupMethod")
            .or_insert_with(|| json!("clientIpAddress"));
    }
}
