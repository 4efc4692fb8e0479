//! The words of a text as search compares them, and the plain tokens that a database's index holds of
//! them. Made here, once, so that every database finds the same.
//!
//! Text is folded first: compatibility forms and case are one, accents are gone. A word is what Unicode
//! calls one (UAX #29), split at every character that is neither letter, digit nor mark. Scripts that
//! put no space between words have no such words: a stretch of theirs is a *run*, found by any part of
//! it, and indexed by each pair of its neighbours.

use std::collections::BTreeSet;

use unicase::UniCase;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use unicode_segmentation::UnicodeSegmentation;

/// The longest token, in characters: what `InnoDB` indexes at most (`innodb_ft_max_token_size`). What is
/// longer is cut, so that the index finds too much at worst; what is found is compared as a whole.
pub const MAX_TOKEN: usize = 84;
/// The prefix of every word's token: two letters, so that with one more no database finds a word too short to index
/// (`innodb_ft_min_token_size` is 3), or on a list of words that say nothing.
const WORD_PREFIX: &str = "tk";

/// Marks that are left out of a comparison, as ranges: accents of Latin, Greek and Cyrillic, the
/// points of Hebrew, Arabic and Syriac, variants of a form. In all other scripts a mark is a part of the
/// letter (a vowel of Devanagari, a tone of Thai, the voicing of Kana) and stays.
const ACCENTS: [(char, char); 19] = [
    ('\u{300}', '\u{36f}'),
    ('\u{483}', '\u{489}'),
    ('\u{591}', '\u{5bd}'),
    ('\u{5bf}', '\u{5bf}'),
    ('\u{5c1}', '\u{5c2}'),
    ('\u{5c4}', '\u{5c5}'),
    ('\u{5c7}', '\u{5c7}'),
    ('\u{610}', '\u{61a}'),
    ('\u{64b}', '\u{65f}'),
    ('\u{670}', '\u{670}'),
    ('\u{6d6}', '\u{6ed}'),
    ('\u{711}', '\u{711}'),
    ('\u{730}', '\u{74a}'),
    ('\u{1ab0}', '\u{1aff}'),
    ('\u{1dc0}', '\u{1dff}'),
    ('\u{20d0}', '\u{20ff}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{fe20}', '\u{fe2f}'),
    ('\u{e0100}', '\u{e01ef}'),
];
/// Characters that show nothing and part no words: a soft hyphen, joiners, directions. The one that does
/// part them, the zero-width space, is not among them.
const UNSEEN: [(char, char); 8] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200c}', '\u{200f}'),
    ('\u{202a}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{e0001}', '\u{e007f}'),
];
/// The scripts that put no space between words, as ranges of their blocks.
const WITHOUT_SPACES: [(char, char); 18] = [
    // Thai, Lao
    ('\u{e00}', '\u{eff}'),
    // Myanmar
    ('\u{1000}', '\u{109f}'),
    // Khmer
    ('\u{1780}', '\u{17ff}'),
    // Tai Le, New Tai Lue, Khmer symbols
    ('\u{1950}', '\u{19ff}'),
    // Tai Tham
    ('\u{1a20}', '\u{1aaf}'),
    // Balinese
    ('\u{1b00}', '\u{1b7f}'),
    // The marks of iteration and the zero of Han
    ('\u{3005}', '\u{3007}'),
    ('\u{3031}', '\u{3035}'),
    // Hiragana, Katakana, Bopomofo
    ('\u{3040}', '\u{312f}'),
    ('\u{31a0}', '\u{31bf}'),
    ('\u{31f0}', '\u{31ff}'),
    // Han
    ('\u{3400}', '\u{4dbf}'),
    ('\u{4e00}', '\u{9fff}'),
    // Javanese, Myanmar extended
    ('\u{a980}', '\u{a9ff}'),
    // Myanmar extended, Tai Viet
    ('\u{aa60}', '\u{aadf}'),
    ('\u{f900}', '\u{faff}'),
    ('\u{1b000}', '\u{1b16f}'),
    ('\u{20000}', '\u{3ffff}'),
];

/// A piece of folded text that is compared as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word<'a> {
    /// A word, found by itself or by how it begins.
    Spaced(&'a str),
    /// A stretch of a script without spaces, found by any part of it.
    Run(&'a str),
}

fn is_in(ranges: &[(char, char)], c: char) -> bool {
    ranges.iter().any(|(first, last)| (*first..=*last).contains(&c))
}

/// Cyrillic and Ukrainian letters of their own, which decomposition takes for another with an accent:
/// й ў ї ѓ ќ. Russian's ё is not among them: most write е for it.
fn is_letter(base: char, mark: char) -> bool {
    matches!((base, mark), ('и' | 'у', '\u{306}') | ('і', '\u{308}') | ('г' | 'к', '\u{301}'))
}

/// Folds a text: what search does not tell apart becomes the same.
#[must_use]
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let decomposed: String = text.nfkd().filter(|c| !is_in(&UNSEEN, *c)).collect();
    let mut base = '\0';
    UniCase::unicode(decomposed)
        .to_folded_case()
        .nfd()
        .filter(|c| {
            if is_in(&ACCENTS, *c) {
                return is_letter(base, *c);
            }
            base = *c;
            true
        })
        .nfc()
        .collect()
}

/// The words of a folded text, in their order.
#[must_use]
pub fn words(folded: &str) -> Vec<Word<'_>> {
    #[derive(PartialEq, Clone, Copy)]
    enum Kind {
        Spaced,
        Run,
        Between,
    }
    let mut words = Vec::new();
    // The piece that is being read, and whether it has a letter or digit.
    let (mut begin, mut kind, mut is_word) = (0, Kind::Between, false);
    let mut end = |begin: usize, end: usize, kind: Kind, is_word: bool| {
        let piece = &folded[begin..end];
        match kind {
            Kind::Spaced if is_word => words.push(Word::Spaced(piece)),
            Kind::Run if is_word => words.push(Word::Run(piece)),
            _ => {}
        }
    };
    for (start, segment) in folded.split_word_bound_indices() {
        for (offset, c) in segment.char_indices() {
            let at = start + offset;
            let next = if is_in(&WITHOUT_SPACES, c) && (c.is_alphanumeric() || is_combining_mark(c)) {
                Kind::Run
            } else if c.is_alphanumeric() {
                Kind::Spaced
            } else if is_combining_mark(c) && kind != Kind::Between {
                kind
            } else {
                Kind::Between
            };
            // Where Unicode ends a word so does a word, but a run goes on.
            if next != kind || (offset == 0 && next == Kind::Spaced) {
                end(begin, at, kind, is_word);
                (begin, kind, is_word) = (at, next, false);
            }
            is_word |= c.is_alphanumeric();
        }
    }
    end(begin, folded.len(), kind, is_word);
    words
}

/// The tokens that the index holds of a text: each once, of `a-z` and `0-9` alone, so that every
/// database takes each for one plain word.
#[must_use]
pub fn index_tokens(text: &str) -> BTreeSet<String> {
    let folded = fold(text);
    let mut tokens = BTreeSet::new();
    for word in words(&folded) {
        match word {
            Word::Spaced(word) => {
                tokens.insert(token(word));
            }
            Word::Run(run) => {
                tokens.extend(pairs(run).map(token));
                // Each character begins a pair but the last, which so is found by itself as well.
                tokens.extend(run.char_indices().next_back().map(|(last, _)| token(&run[last..])));
            }
        }
    }
    tokens
}

/// Each two neighbours of a run.
pub fn pairs(run: &str) -> impl Iterator<Item = &str> {
    let begins = run.char_indices().map(|(begin, _)| begin);
    let ends = run.char_indices().skip(1).map(|(end, c)| end + c.len_utf8());
    begins.zip(ends).map(|(begin, end)| &run[begin..end])
}

/// The token of a word. A character that is no plain letter or digit is written as `z` and its number in
/// four digits of base 36; so is `z` itself. What a word begins with, its token begins with.
#[must_use]
pub fn token(word: &str) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut token = WORD_PREFIX.to_owned();
    for c in word.chars() {
        let is_plain = c.is_ascii_digit() || (c.is_ascii_lowercase() && c != 'z');
        if token.len() + if is_plain { 1 } else { 5 } > MAX_TOKEN {
            break;
        }
        if is_plain {
            token.push(c);
            continue;
        }
        token.push('z');
        for power in [36 * 36 * 36, 36 * 36, 36, 1] {
            token.push(char::from(DIGITS[u32::from(c) as usize / power % 36]));
        }
    }
    token
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spaced(text: &str) -> Vec<String> {
        words(&fold(text))
            .into_iter()
            .map(|word| match word {
                Word::Spaced(word) => word.to_owned(),
                Word::Run(run) => format!("<{run}>"),
            })
            .collect()
    }

    #[test]
    fn case_accents_and_compatibility_forms_are_one() {
        for (one, other) in [
            ("Straße", "STRASSE"),
            ("Crème Brûlée", "creme brulee"),
            ("e\u{301}te\u{301}", "été"),
            ("ΌΔΟΣ", "οδος"),
            ("ὁδός", "ΟΔΟΣ"),
            ("ＡＢＣ１２", "abc12"),
            ("ﬁne", "fine"),
            ("Ёлка", "елка"),
            ("за\u{301}мок", "замок"),
            ("İstanbul", "istanbul"),
            ("Việt Nam", "viet nam"),
            ("שָׁלוֹם", "שלום"),
            ("مُحَمَّد", "محمد"),
            ("co\u{ad}operate", "cooperate"),
            ("می\u{200c}خواهم", "میخواهم"),
            ("ｶﾞ", "ガ"),
            ("한글", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
    }

    #[test]
    fn a_mark_that_makes_another_letter_stays() {
        for (one, other) in [("мой", "мои"), ("їх", "іх"), ("か", "が"), ("कि", "क"), ("ไม้", "ไม"), ("は", "ぱ")]
        {
            assert_ne!(fold(one), fold(other), "{one} {other}");
        }
    }

    #[test]
    fn a_text_has_these_words() {
        for (text, expected) in [
            ("Hello, world!", &["hello", "world"][..]),
            ("don't l'été", &["don", "t", "l", "ete"]),
            ("see https://example.com/a_b?c=1", &["see", "https", "example", "com", "a", "b", "c", "1"]),
            ("v1.2.3 3,14", &["v1", "2", "3", "3", "14"]),
            ("東京に行く", &["<東京に行く>"]),
            ("iPhone持ってる 3月", &["iphone", "<持ってる>", "3", "<月>"]),
            ("ラーメン・カレー", &["<ラーメン>", "<カレー>"]),
            ("人々", &["<人々>"]),
            ("สวัสดีครับ", &["<สวัสดีครับ>"]),
            ("नमस्ते दुनिया", &["नमस्ते", "दुनिया"]),
            ("한국어 텍스트", &["한국어", "텍스트"]),
            ("🎉👍🏽", &[]),
            ("a🎉b 1️⃣", &["a", "b", "1"]),
            ("\"*-_.\0 \u{301}", &[]),
            ("ﷺ", &["صلى", "الله", "عليه", "وسلم"]),
        ] {
            assert_eq!(spaced(text), expected, "{text}");
        }
    }

    #[test]
    fn tokens_are_plain_and_keep_how_a_word_begins() {
        assert_eq!(token("hello1"), "tkhello1");
        assert_eq!(token("zoo"), "tkz003eoo");
        assert_eq!(token("é"), "tkz006h");
        assert_eq!(token("\u{10ffff}"), "tkznvnj");
        assert_eq!(token(&"a".repeat(200)).len(), MAX_TOKEN);
        assert_eq!(token(&"д".repeat(200)).len(), 82);
    }

    #[test]
    fn a_run_is_indexed_by_its_pairs_and_its_last() {
        let expected: BTreeSet<_> = ["東京", "京都", "都"].into_iter().map(token).collect();
        assert_eq!(index_tokens("東京都"), expected);
        assert_eq!(index_tokens("東"), BTreeSet::from([token("東")]));
    }

    proptest! {
        #[test]
        fn every_token_is_one_plain_word(text in any::<String>()) {
            for token in index_tokens(&text) {
                prop_assert!((3..=MAX_TOKEN).contains(&token.len()), "{token}");
                prop_assert!(token.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()), "{token}");
            }
        }

        #[test]
        fn what_a_word_begins_with_its_token_begins_with(word in any::<String>(), length in 0_usize..40) {
            let begin: String = word.chars().take(length).collect();
            prop_assert!(token(&word).starts_with(&token(&begin)));
        }

        #[test]
        fn two_short_words_share_a_token_only_if_they_are_one(one in "\\PC{0,16}", other in "\\PC{0,16}") {
            prop_assert_eq!(token(&one) == token(&other), one == other);
        }

        #[test]
        fn folding_again_changes_nothing(text in any::<String>()) {
            let folded = fold(&text);
            prop_assert_eq!(fold(&folded), folded);
        }

        #[test]
        fn case_makes_no_difference(text in "[a-zA-ZäöüßéñçøŁа-яА-Яα-ωΑ-Ω ]{0,40}") {
            prop_assert_eq!(fold(&text.to_uppercase()), fold(&text));
        }
    }
}
