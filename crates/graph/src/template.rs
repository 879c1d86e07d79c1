//! Paths as metrics and logs may show them, and values as OData wants them.
//!
//! Decides which segments are identifiers. It must not decide where a request goes.

/// The path with every segment that looks like an identifier replaced by `{id}`, without its query:
/// what may stand in a log or a metric.
pub fn path_template(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut template = String::with_capacity(path.len());
    for segment in path.split('/').skip(1) {
        template.push('/');
        template.push_str(if is_word(segment) { segment } else { "{id}" });
    }
    template
}

/// A word of Graph's vocabulary has letters only (and `$` or dots).
fn is_word(segment: &str) -> bool {
    segment.len() <= 64
        && segment
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'$' || byte == b'.')
}

/// A text as an OData string literal for a query: quoted, quotes doubled, percent-encoded, so that
/// names with `#`, `&`, `+` or `%` arrive whole.
pub fn odata_literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push_str("%27");
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                literal.push(char::from(byte));
            }
            b'\'' => literal.push_str("%27%27"),
            other => {
                literal.push('%');
                literal.push(hex_digit(other >> 4));
                literal.push(hex_digit(other & 15));
            }
        }
    }
    literal.push_str("%27");
    literal
}

fn hex_digit(value: u8) -> char {
    char::from_digit(u32::from(value), 16).map_or('0', |digit| digit.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_and_queries_are_left_out() {
        for (path, template) in [
            (
                "/deviceManagement/configurationPolicies/6f0d3c1e-0000-4000-8000-000000000001/settings?$top=5",
                "/deviceManagement/configurationPolicies/{id}/settings",
            ),
            ("/groups?$filter=displayName eq 'Secret'", "/groups"),
            (
                "/deviceManagement/roleScopeTags/0",
                "/deviceManagement/roleScopeTags/{id}",
            ),
            ("/$batch", "/$batch"),
            ("/x/a_b/y('1')", "/x/{id}/{id}"),
        ] {
            assert_eq!(path_template(path), template);
        }
    }

    #[test]
    fn a_literal_survives_a_query() {
        assert_eq!(
            odata_literal("O'Brien & co#1+é"),
            "%27O%27%27Brien%20%26%20co%231%2B%C3%A9%27"
        );
    }
}
