//! Which other origins' browser pages may use the API: a list of exact origins, nobody by default.
//!
//! Credentials are bearer tokens that a page sends itself; cookies play no part and are not allowed.

use actix_cors::Cors;
use actix_web::http::Method;
use actix_web::http::header;
use url::Url;

/// Seconds a browser may keep the answer to its question.
const KEPT: usize = 600;

/// Exact origins from a list with commas between; what is wrong with it otherwise.
pub fn origins(text: &str) -> Result<Vec<String>, &'static str> {
    text.split(',').map(|part| origin(part.trim())).collect()
}

fn origin(text: &str) -> Result<String, &'static str> {
    const EXACT: &str =
        "it must be exact origins with commas between, such as https://portal.example";
    let url = Url::parse(text).map_err(|_| EXACT)?;
    // An origin has no path: what a browser sends is compared letter by letter.
    let exact = !text.contains('*')
        && matches!(url.scheme(), "https" | "http")
        && url.origin().ascii_serialization() == text;
    if exact {
        Ok(text.to_owned())
    } else {
        Err(EXACT)
    }
}

/// The rules for these origins.
pub fn allow(origins: &[String]) -> Cors {
    let rules = Cors::default()
        .allowed_methods([
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allowed_headers([
            "authorization",
            "content-type",
            "idempotency-key",
            "last-event-id",
            "prefer",
            "x-request-id",
        ])
        .expose_headers([
            header::LOCATION.as_str(),
            header::RETRY_AFTER.as_str(),
            header::WWW_AUTHENTICATE.as_str(),
            "operation-location",
            "idempotency-replayed",
            "preference-applied",
            "x-request-id",
        ])
        .max_age(KEPT);
    origins
        .iter()
        .fold(rules, |rules, origin| rules.allowed_origin(origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_origins_are_taken() {
        let good = "https://portal.example,http://localhost:5173";
        assert_eq!(
            origins(good),
            Ok(vec![
                "https://portal.example".to_owned(),
                "http://localhost:5173".to_owned()
            ])
        );
        for bad in [
            "*",
            "https://portal.example/",
            "https://portal.example/app",
            "portal.example",
            "null",
            "https://*.example",
            "https://user@portal.example",
            "file:///x",
            "https://a.example,,",
        ] {
            assert!(origins(bad).is_err(), "{bad}");
        }
    }
}
