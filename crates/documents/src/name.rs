//! What files are called by people, and where they lie

use std::fmt;

/// The name of a file as somebody gave it: one name, without a folder and without what could deceive a reader
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName(String);

/// Why a text is no name of a file
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("the name of the file is missing")]
    Empty,
    #[error("the name of the file is longer than 200 bytes")]
    TooLong,
    #[error("the name of the file has a folder in it")]
    Folder,
    #[error("the name of the file has characters that cannot be seen")]
    Invisible,
    #[error("the name of the file has no ending, such as `.pdf`")]
    NoEnding,
}

impl FileName {
    /// Reads a name; blanks around it are dropped
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let name = text.trim();
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        if name.len() > 200 {
            return Err(NameError::TooLong);
        }
        if name.contains(['/', '\\']) || name == "." || name == ".." {
            return Err(NameError::Folder);
        }
        // Marks of direction make `gpj.exe` look like `exe.jpg`.
        let is_invisible = |c: char| {
            c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
        };
        if name.contains(is_invisible) {
            return Err(NameError::Invisible);
        }
        match name.rsplit_once('.') {
            Some((stem, ending)) if !stem.is_empty() && !ending.is_empty() => Ok(Self(name.to_owned())),
            _ => Err(NameError::NoEnding),
        }
    }

    /// The name
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows the last point, in lower case
    pub fn ending(&self) -> String {
        self.0.rsplit_once('.').map(|(_, ending)| ending.to_lowercase()).unwrap_or_default()
    }

    /// The value of a header `Content-Disposition` that has browsers save a file under this name (RFC 6266, RFC 8187)
    pub fn attachment(&self) -> String {
        let plain: String = self
            .0
            .chars()
            .map(|c| if c.is_ascii() && !matches!(c, '"' | '\\' | '%') { c } else { '_' })
            .collect();
        let mut encoded = String::new();
        for byte in self.0.bytes() {
            if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
                encoded.push(char::from(byte));
            } else {
                encoded.push_str(&format!("%{byte:02X}"));
            }
        }
        format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
    }
}

/// Where a file lies: names of lower-case letters, digits and hyphens with slashes between, and an ending
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoragePath(String);

impl StoragePath {
    /// Reads a path; None for one that could not have been made here
    pub fn parse(text: &str) -> Option<Self> {
        let is_name = |name: &str| {
            let is_plain = |part: &str| {
                !part.is_empty()
                    && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            };
            name.split_once('.')
                .map_or_else(|| is_plain(name), |(stem, ending)| is_plain(stem) && is_plain(ending))
        };
        (text.len() <= 250 && text.split('/').all(is_name)).then(|| Self(text.to_owned()))
    }

    /// The path, without a slash at its beginning
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StoragePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Result<&str, NameError>) {
        assert_eq!(
            FileName::parse(text).as_ref().map(FileName::as_str).map_err(|error| *error),
            expect,
            "{text:?}"
        );
    }

    #[test]
    fn a_name_has_no_folder_and_nothing_invisible() {
        check(" Levy 12.pdf ", Ok("Levy 12.pdf"));
        check("Räumung „Müller“.PDF", Ok("Räumung „Müller“.PDF"));
        check("..hidden.pdf", Ok("..hidden.pdf"));
        check("  ", Err(NameError::Empty));
        for folder in ["../levy.pdf", "a/b.pdf", "a\\b.pdf", "..", "/etc/passwd", "C:\\x.pdf"] {
            check(folder, Err(NameError::Folder));
        }
        for invisible in ["a\0.pdf", "a\r\nX: y.pdf", "a\u{202e}fdp.exe", "a\u{200b}.pdf"] {
            check(invisible, Err(NameError::Invisible));
        }
        for ending in ["levy", ".pdf", "levy."] {
            check(ending, Err(NameError::NoEnding));
        }
        check(&format!("{}.pdf", "x".repeat(197)), Err(NameError::TooLong));
    }

    #[test]
    fn browsers_are_told_the_name_in_both_forms() {
        let name = FileName::parse("Zahlung \"Müller\" 50%.pdf").unwrap();
        assert_eq!(
            name.attachment(),
            "attachment; filename=\"Zahlung _M_ller_ 50_.pdf\"; filename*=UTF-8''Zahlung%20%22M%C3%BCller%22%2050%25.pdf"
        );
    }

    #[test]
    fn a_path_leads_nowhere_else() {
        assert!(StoragePath::parse("0a-1/2b/3c.pdf").is_some());
        for path in [
            "", "/a", "a/", "a//b", "..", "a/../b", "a/.b", "a/b.", "a.b.c", "A", "a b", "a\\b", "a%2e",
            "s3://a",
        ] {
            assert!(StoragePath::parse(path).is_none(), "{path}");
        }
    }
}
