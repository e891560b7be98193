//! A page as rules see it.

use serde::Serialize;

/// The parts of a page that rules compare, decoded and in lower case
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PageView {
    /// `None` for a bare path.
    pub domain: Option<String>,
    /// With a leading `/`.
    pub path: String,
    /// Names and values in their order; a name may be there several times.
    pub query: Vec<(String, String)>,
}

impl PageView {
    /// Takes any text apart: a URL, a URL without its scheme (`//example.com/a`) or a bare path.
    pub fn of(page: &str) -> PageView {
        // Blanks around a URL are a slip of whoever pasted it, control characters inside are dropped as browsers do.
        let page: String = page.trim().chars().filter(|c| !c.is_control()).collect();
        let page = page.split_once('#').map_or(page.as_str(), |(page, _)| page);
        let (page, query) = page.split_once('?').unwrap_or((page, ""));
        let (domain, path) = split_domain(page);
        let path = decoded(path, false).to_lowercase();
        let query = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name, true).to_lowercase(), decoded(value, true).to_lowercase())
        });
        PageView {
            domain,
            path: if path.starts_with('/') { path } else { format!("/{path}") },
            query: query.collect(),
        }
    }
}

/// Splits what stands before the query into domain and path
fn split_domain(page: &str) -> (Option<String>, &str) {
    let Some((scheme, rest)) = page.split_once("//") else { return (None, page) };
    // `a//b` is a path; only what may be a scheme, or nothing, goes before a domain.
    let is_scheme = scheme.is_empty()
        || scheme.strip_suffix(':').is_some_and(|scheme| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        });
    if !is_scheme {
        return (None, page);
    }
    let (authority, path) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, ""),
    };
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    // The colons of an address in brackets are its own.
    let host = match (host.rfind(':'), host.rfind(']')) {
        (Some(colon), bracket) if bracket.is_none_or(|bracket| bracket < colon) => host.split_at(colon).0,
        _ => host,
    };
    let domain = host.trim_end_matches('.').to_lowercase();
    ((!domain.is_empty()).then_some(domain), path)
}

/// Percent-decodes, with `+` as a blank where asked
pub(super) fn decoded(text: &str, is_query: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let escape =
            (byte == b'%').then(|| Some(16 * hex_digit(ahead.next())? + hex_digit(ahead.next())?)).flatten();
        match escape {
            Some(escaped) => {
                bytes.push(escaped);
                rest = ahead;
            }
            None if byte == b'+' && is_query => bytes.push(b' '),
            None => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex_digit(digit: Option<u8>) -> Option<u8> {
    char::from(digit?).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(page: &str, domain: Option<&str>, path: &str, query: &[(&str, &str)]) {
        let view = PageView::of(page);
        assert_eq!(view.domain.as_deref(), domain, "{page}");
        assert_eq!(view.path, path, "{page}");
        let expect: Vec<(String, String)> =
            query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        assert_eq!(view.query, expect, "{page}");
    }

    #[test]
    fn a_url_falls_into_domain_path_and_query() {
        check(
            "https://User:pw@Shop.Example.com:8443/A/B?Utm=X+Y%20z&b&&c=1&c=2#frag?d=3",
            Some("shop.example.com"),
            "/a/b",
            &[("utm", "x y z"), ("b", ""), ("c", "1"), ("c", "2")],
        );
        check("https://example.com", Some("example.com"), "/", &[]);
        check("https://example.com.?x=1", Some("example.com"), "/", &[("x", "1")]);
        check("//example.com/a", Some("example.com"), "/a", &[]);
        check("http://[::1]:80/a", Some("[::1]"), "/a", &[]);
        check("http://[::1]/a", Some("[::1]"), "/a", &[]);
    }

    #[test]
    fn a_bare_path_has_no_domain() {
        check("/pricing?a=b", None, "/pricing", &[("a", "b")]);
        check("pricing", None, "/pricing", &[]);
        check("example.com/pricing", None, "/example.com/pricing", &[]);
        check("?a=b", None, "/", &[("a", "b")]);
        check("a b//c", None, "/a b//c", &[]);
        check("/go?to=https://example.com/", None, "/go", &[("to", "https://example.com/")]);
    }

    #[test]
    fn any_text_is_a_page() {
        check("", None, "/", &[]);
        check("  \n", None, "/", &[]);
        check("https://", None, "/", &[]);
        check("https:///a", None, "/a", &[]);
        check("/100%", None, "/100%", &[]);
        check("/%zz%4", None, "/%zz%4", &[]);
        check("/%ff", None, "/\u{fffd}", &[]);
        check("/%C3%84", None, "/ä", &[]);
        check("/a%2Fb", None, "/a/b", &[]);
        check("/a\tb\n", None, "/ab", &[]);
        check("/?=x&=&a==b", None, "/", &[("", "x"), ("", ""), ("a", "=b")]);
    }
}
