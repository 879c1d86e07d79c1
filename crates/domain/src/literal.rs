//! Texts of the source tenant (its GUID, its domains) inside values: finding and replacing them.
//!
//! Matching ignores ASCII case and finds a literal inside a longer text. Where two literals start at
//! one place the longer one counts.

use std::collections::BTreeMap;

/// Every place in `text` where one of `literals` stands: `(start, literal)`, without overlaps.
pub(crate) fn find<'l>(
    text: &str,
    literals: &(impl Iterator<Item = &'l str> + Clone),
) -> Vec<(usize, &'l str)> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let here = literals
            .clone()
            .filter(|literal| !literal.is_empty())
            .filter(|literal| {
                bytes
                    .get(at..at + literal.len())
                    .is_some_and(|part| part.eq_ignore_ascii_case(literal.as_bytes()))
            })
            .max_by_key(|literal| literal.len());
        match here {
            Some(literal) => {
                found.push((at, literal));
                at += literal.len();
            }
            None => at += 1,
        }
    }
    found
}

/// The text with every literal replaced.
pub(crate) fn replaced(text: &str, literals: &BTreeMap<String, String>) -> String {
    if literals.is_empty() {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = 0;
    for (start, literal) in find(text, &literals.keys().map(String::as_str)) {
        let end = start + literal.len();
        // A match begins and ends at character boundaries: both texts are UTF-8.
        if let (Some(before), Some(to)) = (text.get(rest..start), literals.get(literal)) {
            out.push_str(before);
            out.push_str(to);
            rest = end;
        }
    }
    out.push_str(text.get(rest..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_replaced_whatever_their_case_and_place() {
        let literals = BTreeMap::from([
            ("contoso.com".to_owned(), "fabrikam.com".to_owned()),
            ("eu.contoso.com".to_owned(), "eu.fabrikam.com".to_owned()),
        ]);
        assert_eq!(
            replaced("https://EU.Contoso.com/ü/contoso.COM", &literals),
            "https://eu.fabrikam.com/ü/fabrikam.com"
        );
        assert_eq!(replaced("nothing", &literals), "nothing");
        assert_eq!(
            find("x contoso.com", &literals.keys().map(String::as_str)),
            [(2, "contoso.com")]
        );
    }
}
