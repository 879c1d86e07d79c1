//! The checked-in OpenAPI document is the one the routes make.

#[test]
fn the_document_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi/openapi.json");
    let checked_in = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        checked_in == api::openapi_json(),
        "openapi/openapi.json is not current; run: cargo run -p api --bin promotion-api -- openapi > openapi/openapi.json"
    );
}
