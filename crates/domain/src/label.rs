//! What people call things: names, addresses, reasons. Decides the one form in which such a text is
//! kept, which characters it must not hold, and when two names look the same to a reader.
//!
//! A name is read by somebody who then decides what a run may touch. So it must not be able to
//! reorder the line it stands in, hide a part of itself, or pass for another one.

use unicode_normalization::UnicodeNormalization;
use unicode_security::confusable_detection::skeleton;

/// The text as it is kept: composed (NFC), without white space around it.
pub fn normalise(text: &str) -> String {
    text.trim().nfc().collect::<String>().trim().to_owned()
}

/// Whether a text holds a character that no name, address or reason may hold: control characters,
/// line and paragraph separators, characters that change the direction of text, characters without
/// width, and what stands for nothing (tags, fillers, a lone interlinear mark).
pub fn is_deceptive(text: &str) -> bool {
    text.chars().any(|c| steers(c) || is_invisible(c))
}

/// Whether a character could steer a terminal or the order of what is shown beside it.
pub fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{206f}')
}

const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200d}'
        | '\u{2060}'..='\u{2065}'
        | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Whether two names that differ look alike (by the skeletons of Unicode TS 39). Names that differ in
/// letter case alone are the same name, which is for the caller to judge.
pub fn look_alike(one: &str, other: &str) -> bool {
    let (one_small, other_small) = (one.to_lowercase(), other.to_lowercase());
    if one_small == other_small {
        return false;
    }
    skeleton(one).eq(skeleton(other)) || skeleton(&one_small).eq(skeleton(&other_small))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_composed_and_trimmed() {
        assert_eq!(normalise("\u{a0} Cafe\u{301} \t"), "Caf\u{e9}");
        assert_eq!(normalise("  "), "");
    }

    #[test]
    fn what_hides_or_turns_text_around_is_seen() {
        for bad in [
            "a\u{7}b",
            "a\nb",
            "a\u{7f}",
            "a\u{85}",
            "a\u{9b}m",
            "\u{202e}b",
            "a\u{2066}b",
            "a\u{61c}",
            "a\u{200b}b",
            "a\u{200d}b",
            "a\u{feff}b",
            "a\u{ad}b",
            "a\u{2060}b",
            "a\u{e0041}",
            "a\u{2028}b",
            "\u{3164}",
            "a\u{fe0f}",
        ] {
            assert!(is_deceptive(bad), "{bad:?}");
        }
        for good in [
            "Contoso GmbH & Co. KG",
            "Fabrikam (Prüfung)",
            "株式会社",
            "عربي",
            "O'Neil – 2",
        ] {
            assert!(!is_deceptive(good), "{good:?}");
        }
    }

    #[test]
    fn a_look_alike_is_another_name_that_reads_the_same() {
        assert!(look_alike("Contoso", "C\u{43e}ntoso"));
        assert!(look_alike("paypal", "p\u{430}yp\u{430}l"));
        assert!(look_alike("Contoso I", "Contoso l"));
        assert!(!look_alike("Contoso", "contoso"));
        assert!(!look_alike("Contoso", "Contoso 2"));
    }
}
