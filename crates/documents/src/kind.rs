//! What a file is: its content decides, and its name must agree

use crate::FileName;

/// The types of files that are taken
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaKind {
    Pdf,
    Png,
    Jpeg,
    Tiff,
    Docx,
    Xlsx,
    Text,
    Csv,
}

/// Why a file is not of a type that is taken
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    #[error("files that end in `.{0}` are not taken")]
    Ending(String),
    #[error("`{name}` is not {expected} inside")]
    Differs { name: String, expected: &'static str },
}

const ENDINGS: [(&str, MediaKind); 10] = [
    ("pdf", MediaKind::Pdf),
    ("png", MediaKind::Png),
    ("jpg", MediaKind::Jpeg),
    ("jpeg", MediaKind::Jpeg),
    ("tif", MediaKind::Tiff),
    ("tiff", MediaKind::Tiff),
    ("docx", MediaKind::Docx),
    ("xlsx", MediaKind::Xlsx),
    ("txt", MediaKind::Text),
    ("csv", MediaKind::Csv),
];

impl MediaKind {
    /// The type that a name says, where the content is of that type
    pub fn of(name: &FileName, content: &[u8]) -> Result<Self, ContentError> {
        let ending = name.ending();
        let kind = ENDINGS.iter().find(|(of, _)| *of == ending).map(|(_, kind)| *kind);
        let kind = kind.ok_or_else(|| ContentError::Ending(ending.chars().take(20).collect()))?;
        if kind.fits(content) {
            return Ok(kind);
        }
        Err(ContentError::Differs { name: name.as_str().to_owned(), expected: kind.label() })
    }

    /// The endings that are taken, for people
    pub fn endings() -> String {
        ENDINGS.map(|(ending, _)| ending).join(", ")
    }

    /// Its name on the internet
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Tiff => "image/tiff",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Text => "text/plain",
            Self::Csv => "text/csv",
        }
    }

    /// The ending under which files of this type are kept
    pub fn ending(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Tiff => "tif",
            Self::Docx => "docx",
            Self::Xlsx => "xlsx",
            Self::Text => "txt",
            Self::Csv => "csv",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Pdf => "a PDF",
            Self::Png => "a PNG picture",
            Self::Jpeg => "a JPEG picture",
            Self::Tiff => "a TIFF picture",
            Self::Docx => "a Word document without macros",
            Self::Xlsx => "an Excel workbook without macros",
            Self::Text | Self::Csv => "plain text",
        }
    }

    fn fits(self, content: &[u8]) -> bool {
        match self {
            Self::Pdf => content.starts_with(b"%PDF-"),
            Self::Png => content.starts_with(b"\x89PNG\r\n\x1a\n"),
            Self::Jpeg => content.starts_with(b"\xff\xd8\xff"),
            Self::Tiff => content.starts_with(b"II*\0") || content.starts_with(b"MM\0*"),
            Self::Docx => is_office(content, b"word/document.xml"),
            Self::Xlsx => is_office(content, b"xl/workbook.xml"),
            // What other types begin with has control characters, all but HTML and its like, which are text.
            Self::Text | Self::Csv => !content.iter().any(|b| matches!(b, 0..=8 | 11 | 14..=31 | 127)),
        }
    }
}

/// Whether a zip archive has what an Office document has, and no macros; names stand uncompressed in an archive
fn is_office(content: &[u8], part: &[u8]) -> bool {
    let names = |name: &[u8]| content.windows(name.len()).any(|piece| piece == name);
    content.starts_with(b"PK\x03\x04")
        && names(b"[Content_Types].xml")
        && names(part)
        && !names(b"vbaProject.bin")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, content: &[u8], expect: Result<MediaKind, &str>) {
        let found =
            MediaKind::of(&FileName::parse(name).unwrap(), content).map_err(|error| error.to_string());
        assert_eq!(found, expect.map_err(str::to_owned));
    }

    #[test]
    fn content_decides_and_the_name_agrees() {
        check("a.pdf", b"%PDF-1.7\n", Ok(MediaKind::Pdf));
        check("A.PDF", b"%PDF-1.7\n", Ok(MediaKind::Pdf));
        check("a.jpeg", b"\xff\xd8\xff\xe0", Ok(MediaKind::Jpeg));
        check("a.csv", "a;b\r\nMüller;1\r\n".as_bytes(), Ok(MediaKind::Csv));
        check("a.docx", b"PK\x03\x04..[Content_Types].xml..word/document.xml", Ok(MediaKind::Docx));
        check("a.pdf", b"<html>", Err("`a.pdf` is not a PDF inside"));
        check("a.png", b"%PDF-1.7\n", Err("`a.png` is not a PNG picture inside"));
        check("a.txt", b"MZ\x90\0\x03", Err("`a.txt` is not plain text inside"));
        check("a.html", b"<html>", Err("files that end in `.html` are not taken"));
        check("a.pdf.exe", b"%PDF-1.7\n", Err("files that end in `.exe` are not taken"));
        let macros = b"PK\x03\x04..[Content_Types].xml..word/document.xml..word/vbaProject.bin";
        check("a.docx", macros, Err("`a.docx` is not a Word document without macros inside"));
    }
}
