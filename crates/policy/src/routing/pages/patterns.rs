//! Domain and path patterns, the older form of conditions.

use super::view::{PageView, decoded};

pub(super) fn is_domain_pattern(pattern: &str) -> bool {
    let domain = pattern.strip_prefix("*.").unwrap_or(pattern);
    pattern == "*" || (!domain.is_empty() && !domain.contains(['*', '/', ' ']))
}

pub(super) fn is_path_pattern(pattern: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let path = pattern.strip_suffix("/**").or_else(|| pattern.strip_suffix('*')).unwrap_or(pattern);
    (path.starts_with('/') || pattern == "/**") && !path.contains('*')
}

pub(super) fn domain_matches(pattern: &str, page: &PageView) -> bool {
    if pattern == "*" {
        return true;
    }
    let Some(domain) = page.domain.as_deref() else { return false };
    let pattern = pattern.to_lowercase();
    let pattern = pattern.trim_end_matches('.');
    match pattern.strip_prefix("*.") {
        // Whole labels: `notexample.com` ends in `example.com` and is not below it.
        Some(parent) => domain
            .strip_suffix(parent)
            .and_then(|below| below.strip_suffix('.'))
            .is_some_and(|below| !below.is_empty()),
        None => domain == pattern,
    }
}

pub(super) fn path_matches(pattern: &str, page: &PageView) -> bool {
    if pattern == "*" {
        return true;
    }
    let pattern = decoded(&pattern.to_lowercase(), false).to_lowercase();
    let path = without_last_slash(&page.path);
    if let Some(parent) = pattern.strip_suffix("/**") {
        return path.strip_prefix(parent).is_some_and(|below| below.is_empty() || below.starts_with('/'));
    }
    if let Some(parent) = pattern.strip_suffix("/*") {
        let below = path.strip_prefix(parent).and_then(|below| below.strip_prefix('/'));
        return below.is_some_and(|segment| !segment.is_empty() && !segment.contains('/'));
    }
    if let Some(start) = pattern.strip_suffix('*') {
        return page.path.starts_with(start);
    }
    path == without_last_slash(&pattern)
}

/// `/a/` as `/a`; `/` stays
fn without_last_slash(path: &str) -> &str {
    path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, matching: &[&str], others: &[&str]) {
        let is_path = pattern.starts_with('/');
        assert!(if is_path { is_path_pattern(pattern) } else { is_domain_pattern(pattern) }, "{pattern}");
        let matches = |page: &str| {
            let view = PageView::of(page);
            if is_path { path_matches(pattern, &view) } else { domain_matches(pattern, &view) }
        };
        for page in matching {
            assert!(matches(page), "{pattern} {page}");
        }
        for page in others {
            assert!(!matches(page), "{pattern} {page}");
        }
    }

    #[test]
    fn path_patterns() {
        check("/a", &["/a", "/A", "/a/", "/a?x", "https://e.com/a#y"], &["/", "/ab", "/a/b", "/b/a"]);
        check("/a*", &["/a", "/ab", "/a/b/c"], &["/", "/b"]);
        check("/a/*", &["/a/b", "/a/b/"], &["/a", "/a/", "/a/b/c", "/ab/c"]);
        check("/a/**", &["/a", "/a/", "/a/b", "/a/b/c"], &["/ab", "/"]);
        check("/**", &["/", "/a", "/a/b"], &[]);
        check("/*", &["/a", "/a/"], &["/", "/a/b"]);
        check("/", &["/", "https://e.com"], &["/a"]);
        check("/caf%C3%A9", &["/café", "/CAF%c3%89"], &["/cafe"]);
    }

    #[test]
    fn domain_patterns_match_whole_labels() {
        check("*", &["https://example.com/", "/bare"], &[]);
        check(
            "Example.com",
            &["https://EXAMPLE.com:81/x"],
            &["https://notexample.com", "https://a.example.com", "/bare"],
        );
        check(
            "*.example.com",
            &["https://a.example.com", "https://b.a.example.com"],
            &["https://example.com", "https://notexample.com", "https://.example.com", "/bare"],
        );
    }

    #[test]
    fn other_patterns_are_refused() {
        for pattern in ["", "a", "/a*b", "**", "/a/*/b", "a*", "/a***"] {
            assert!(!is_path_pattern(pattern), "{pattern}");
        }
        for pattern in ["", "*.", "a.*", "**", "*a.com", "a.com/b"] {
            assert!(!is_domain_pattern(pattern), "{pattern}");
        }
    }
}
