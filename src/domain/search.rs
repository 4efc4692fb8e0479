//! Queries of a search, and the decision if a text matches one. All words have to be there; the last one may be the
//! beginning of a longer one, unless it stands in quotes. Operators are only text.

use std::collections::{BTreeSet, HashSet};

use super::{
    invalid::Invalid,
    tokens::{Word, fold, pairs, token, words},
    visible::says_nothing,
};

/// The most characters a query may have.
pub const MAX_QUERY_CHARS: usize = 256;
/// The most terms an index is asked for; what it finds is compared with the whole query anyway.
const MAX_TERMS: usize = 32;

/// A query, ready to be compared.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Words that have to be there as they are.
    whole: HashSet<String>,
    /// The beginning of some word.
    prefix: Option<String>,
    /// The parts of runs of a script without spaces that have to be there.
    runs: BTreeSet<String>,
}

/// One token that the index is asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Term {
    /// The token, or how it begins.
    pub token: String,
    /// True if any token that begins so will do.
    pub is_prefix: bool,
}

impl Query {
    /// The query, if the text is one. It may have no words: then nothing has them.
    ///
    /// # Errors
    /// [`Invalid`] with the rule, for the field `q`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if says_nothing(text) {
            return Err(Invalid::new("q", "says what to look for: it has at least one character that shows"));
        }
        if text.chars().count() > MAX_QUERY_CHARS {
            return Err(Invalid::new("q", format!("has at most {MAX_QUERY_CHARS} characters")));
        }
        let folded = fold(text);
        let (mut words, mut is_open) = (Vec::new(), true);
        for Part { text, is_quoted } in parts(&folded) {
            let before = words.len();
            words.extend(self::words(text));
            is_open = if words.len() > before { !is_quoted } else { is_open };
        }
        let mut query = Self::default();
        if is_open && let Some(Word::Spaced(last)) = words.last() {
            query.prefix = Some((*last).to_owned());
            words.pop();
        }
        for word in words {
            match word {
                Word::Spaced(word) => query.whole.insert(word.to_owned()),
                Word::Run(run) => query.runs.insert(run.to_owned()),
            };
        }
        Ok(query)
    }

    /// Returns true if it has no words, so that nothing can be found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.prefix.is_none() && self.runs.is_empty()
    }

    /// Returns true if a text matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        if self.is_empty() {
            return false;
        }
        let folded = fold(text);
        // What has a word has its letters as well, which is told much sooner.
        let has = |part: &String| folded.contains(part.as_str());
        if !(self.whole.iter().all(has) && self.prefix.iter().all(has) && self.runs.iter().all(has)) {
            return false;
        }
        let mut whole = HashSet::new();
        let mut begins = self.prefix.is_none();
        let mut runs: Vec<&str> = self.runs.iter().map(String::as_str).collect();
        for word in words(&folded) {
            match word {
                Word::Spaced(word) => {
                    whole.extend(self.whole.get(word));
                    begins = begins || self.prefix.as_deref().is_some_and(|prefix| word.starts_with(prefix));
                }
                Word::Run(run) => runs.retain(|part| !run.contains(part)),
            }
        }
        begins && runs.is_empty() && whole.len() == self.whole.len()
    }

    /// The terms to ask the index for. Whatever matches has all of these; what has all of these need not match.
    #[must_use]
    pub fn terms(&self) -> Vec<Term> {
        let whole = self.whole.iter().map(|word| Term { token: token(word), is_prefix: false });
        let runs = self.runs.iter().flat_map(|run| {
            let is_single = run.chars().nth(1).is_none();
            let single = is_single.then(|| Term { token: token(run), is_prefix: true });
            pairs(run).map(|pair| Term { token: token(pair), is_prefix: false }).chain(single)
        });
        let mut terms: Vec<_> = whole.chain(runs).collect::<BTreeSet<_>>().into_iter().collect();
        // The longest say most; a prefix may stand for many tokens, so it is only asked for if it counts.
        terms.sort_by_key(|term| std::cmp::Reverse(term.token.len()));
        terms.truncate(MAX_TERMS);
        terms.extend(self.prefix.as_ref().map(|prefix| Term { token: token(prefix), is_prefix: true }));
        terms
    }
}

/// A stretch of a query.
#[derive(Debug, PartialEq, Eq)]
struct Part<'a> {
    text: &'a str,
    is_quoted: bool,
}

/// The stretches of a folded query within quotes and between them. A quote opens after what is no letter or
/// digit and closes before what is none, so that `5"` and `צה"ל` have none; one without its other is only text.
fn parts(folded: &str) -> Vec<Part<'_>> {
    let is_quote = |c: char| matches!(c, '"' | '“' | '”' | '„' | '‟' | '«' | '»');
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let opens = |at: usize| !is_word(folded[..at].chars().next_back());
    let closes = |end: usize| !is_word(folded[end..].chars().next());
    let (mut parts, mut begin, mut opened) = (Vec::new(), 0, None);
    for (at, quote) in folded.match_indices(is_quote) {
        let end = at + quote.len();
        match opened {
            Some(inner) if closes(end) => {
                parts.push(Part { text: &folded[inner..at], is_quoted: true });
                (begin, opened) = (end, None);
            }
            None if opens(at) => {
                parts.push(Part { text: &folded[begin..at], is_quoted: false });
                (begin, opened) = (end, Some(end));
            }
            _ => {}
        }
    }
    parts.push(Part { text: &folded[begin..], is_quoted: false });
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_segmentation::UnicodeSegmentation;

    use super::*;
    use crate::domain::tokens::index_tokens;

    fn matches(query: &str, text: &str) -> bool {
        Query::parse(query).unwrap().matches(text)
    }

    /// Returns true if the index would find the text.
    fn is_found(query: &Query, text: &str) -> bool {
        let tokens = index_tokens(text);
        query.terms().iter().all(|term| {
            if term.is_prefix {
                tokens.iter().any(|token| token.starts_with(&term.token))
            } else {
                tokens.contains(&term.token)
            }
        })
    }

    #[test]
    fn all_words_have_to_be_there_and_the_last_may_go_on() {
        for (query, text, expected) in [
            ("hello", "Hello, World", true),
            ("world hello", "Hello, World", true),
            ("hello wor", "Hello, World", true),
            ("hel world", "Hello, World", false),
            ("hello moon", "Hello, World", false),
            ("cafe", "at the Café", true),
            ("CAFÉ", "at the cafe", true),
            ("\"hello world\"", "World, hello", true),
            ("\"hello wor\"", "Hello, World", false),
            ("\"hel\"", "Hello, World", false),
            ("\"Hello\"", "hello, World", true),
            ("“hel”", "Hello, World", false),
            ("„hel“ wor", "hel, World", true),
            ("\"world\" hel", "Hello, World", true),
            ("\"wor\" hel", "Hello, World", false),
            ("hel \"world\"", "Hello, World", false),
            ("hel \"world\"", "hel, World", true),
            ("\"hello\" wor*", "Hello, World", true),
            ("\"hel", "Hello, World", true),
            ("hel\"", "Hello, World", true),
            ("5\" dis", "5\" disk", true),
            ("צה\"ל \"שלום\"", "שלום צה\"ל", true),
            ("\"\" hel", "Hello", true),
            ("\"東\"", "東京都", true),
            ("hello*", "Hello, World", true),
            ("-hello", "Hello", true),
            ("hello OR moon", "hello moon", false),
            ("hello or moon", "hello moon, or not", true),
            ("NEAR(hello, 2)", "hello", false),
            ("example.com", "see https://example.com/x", true),
            ("京", "東京都", true),
            ("都", "東京都", true),
            ("東京", "東京都", true),
            ("京都", "東京都", true),
            ("東都", "東京都", false),
            // Its pairs are all there, but not as one.
            ("東京都", "東京と京都", false),
            ("ラーメン 東京", "東京でラーメンを食べた", true),
            ("ครับ", "สวัสดีครับ", true),
            ("한", "한국어", true),
            ("b\0a", "ab b", true),
            ("b\0a", "ab c", false),
        ] {
            assert_eq!(matches(query, text), expected, "{query} in {text}");
            assert!(!expected || is_found(&Query::parse(query).unwrap(), text), "{query} in {text}");
        }
    }

    #[test]
    fn quotes_part_a_query_where_they_stand_around_words() {
        let quoted = |text: &str| -> Vec<String> {
            let parts = parts(text).into_iter().filter(|part| part.is_quoted);
            parts.map(|part| part.text.to_owned()).collect()
        };
        for (text, expected) in [
            ("a \"b c\" d", &["b c"][..]),
            ("\"a\" \"b\"", &["a", "b"]),
            ("„a“ «b» “c”", &["a", "b", "c"]),
            ("(\"a\")", &["a"]),
            ("\"a\"b\"", &["a\"b"]),
            ("a\"b\" c", &[]),
            ("5\" by 3\"", &[]),
            ("\"a", &[]),
            ("a\"", &[]),
            ("\"", &[]),
            ("\"\"", &[""]),
        ] {
            assert_eq!(quoted(text), expected, "{text}");
        }
    }

    #[test]
    fn a_query_without_words_finds_nothing() {
        for query in ["🎉", "\"", "*", "---", "\u{301}"] {
            let parsed = Query::parse(query).unwrap();
            assert!(parsed.is_empty() && !parsed.matches(query) && !parsed.matches(""), "{query}");
        }
    }

    #[test]
    fn a_query_is_not_blank_and_not_too_long() {
        for query in ["", " ", "\t\u{3000}\n", "\0", "\u{200b}\u{fe0f}", &"x".repeat(257), &"é".repeat(257)] {
            assert_eq!(Query::parse(query).unwrap_err().field, "q", "{query}");
        }
        Query::parse(&"é".repeat(256)).unwrap();
    }

    #[test]
    fn words_that_are_cut_in_the_index_are_still_told_apart() {
        let (one, other) = ("a".repeat(90), "a".repeat(100));
        let query = Query::parse(&format!("{one} x")).unwrap();
        assert!(is_found(&query, &format!("{other} x")), "their tokens are the same");
        assert!(!query.matches(&format!("{other} x")));
        assert!(query.matches(&format!("{one} x")));
        assert!(matches(&one, &other), "as a prefix");
    }

    /// Text of many scripts, in which words and runs meet.
    fn text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            3 => "[a-zA-Z0-9]{1,8}",
            1 => "\\PC{1,6}",
            1 => "[東京都ラメンかがー々]{1,4}",
            1 => "[กขครับสวัดีไม้ํ]{1,5}",
            1 => "[éüßñйёїΣς]{1,5}",
            2 => "[ .,'_\"*()-]{1,2}",
            1 => any::<String>(),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn every_word_of_a_text_finds_it(text in text()) {
            for word in fold(&text).unicode_words().filter(|word| !says_nothing(word)) {
                let query = Query::parse(&word.chars().take(MAX_QUERY_CHARS).collect::<String>()).unwrap();
                prop_assert!(query.is_empty() || query.matches(&text), "{word:?}");
                prop_assert!(query.is_empty() || is_found(&query, &text), "{word:?}");
            }
        }

        #[test]
        fn a_text_finds_itself_whatever_is_cut_from_its_end(text in text(), kept in 1_usize..200) {
            let begin: String = text.chars().take(kept).collect();
            // A mark that is cut off, or comes to stand alone, may have made another letter of it.
            prop_assume!(fold(&text).starts_with(&fold(&begin)));
            if let Ok(query) = Query::parse(&begin) && !query.is_empty() {
                prop_assert!(query.matches(&text));
            }
        }

        #[test]
        fn the_index_finds_whatever_matches(query in text(), text in text()) {
            if let Ok(query) = Query::parse(&query) {
                prop_assert!(!query.matches(&text) || is_found(&query, &text));
                prop_assert!(!query.matches(&text) || !query.is_empty());
            }
        }

        #[test]
        fn every_query_that_says_something_is_taken(query in any::<String>()) {
            let fits = !says_nothing(&query) && query.chars().count() <= MAX_QUERY_CHARS;
            prop_assert_eq!(Query::parse(&query).is_ok(), fits);
        }
    }
}
