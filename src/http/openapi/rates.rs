//! The headers of limits, for the document.

use utoipa::openapi::{
    Header, HeaderBuilder, ObjectBuilder, Ref, RefOr, Response,
    schema::{SchemaType, Type},
};

/// The names of the headers, their type, an example, and what they say.
const HEADERS: [(&str, Type, &str, &str); 5] = [
    (
        "RateLimit-Policy",
        Type::String,
        "\"posts\";q=20;w=20",
        "The limit by which the request was counted: `q` may be done at once, and come back in `w` seconds. This and the \
         others below are absent where nothing is limited.",
    ),
    (
        "RateLimit",
        Type::String,
        "\"posts\";r=12;t=8",
        "What is left of it: `r` now, and `t` seconds until all is back, or until the next one where none is left.",
    ),
    ("X-RateLimit-Limit", Type::Integer, "20", "The same as `q`."),
    ("X-RateLimit-Remaining", Type::Integer, "12", "The same as `r`."),
    ("X-RateLimit-Reset", Type::Integer, "1795978800", "The time that `t` leads to, in seconds since 1970."),
];

/// Says that an answer has the headers.
pub(super) fn carry(answer: &mut RefOr<Response>) {
    if let RefOr::T(answer) = answer {
        for (name, ..) in HEADERS {
            let header = Ref::new(format!("#/components/headers/{name}"));
            answer.headers.insert(name.into(), RefOr::Ref(header));
        }
    }
}

/// The headers by name.
pub(super) fn headers() -> impl Iterator<Item = (String, RefOr<Header>)> {
    HEADERS.into_iter().map(|(name, kind, example, says)| {
        let example =
            if kind == Type::Integer { example.parse::<i64>().unwrap_or_default().into() } else { example.into() };
        let example: serde_json::Value = example;
        let schema = ObjectBuilder::new().schema_type(SchemaType::Type(kind)).examples([example]);
        (name.to_owned(), HeaderBuilder::new().schema(Some(schema)).description(Some(says)).build().into())
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::super::{document, rates},
        *,
    };

    #[test]
    fn each_operation_says_that_it_is_limited_and_what_its_headers_say() {
        let document = serde_json::to_value(document()).unwrap();
        let mut limited = 0;
        for (path, operations) in document["paths"].as_object().unwrap() {
            for operation in operations.as_object().unwrap().values().filter(|operation| operation.is_object()) {
                let answers = operation["responses"].as_object().unwrap();
                let is_limited = !["/healthz", "/readyz"].contains(&path.as_str());
                assert_eq!(answers.contains_key("429"), is_limited, "{path}");
                for (status, answer) in answers.iter().filter(|(status, _)| status.starts_with(['1', '2', '3'])) {
                    let has = HEADERS.iter().all(|(name, ..)| answer["headers"][name].is_object());
                    assert_eq!(has, is_limited, "{path} {status}");
                }
                limited += usize::from(is_limited);
            }
        }
        assert!(limited > 35, "{limited}");
    }

    #[test]
    fn the_headers_are_those_that_are_sent() {
        let described = HEADERS.map(|(name, ..)| name.to_ascii_lowercase());
        assert_eq!(described, rates::HEADERS.map(|name| name.as_str().to_owned()));
    }
}
