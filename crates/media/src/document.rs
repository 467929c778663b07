//! What can be told of a document without rendering it.

use std::io::Read;

use crate::Error;

/// No more of a PDF is scanned; a longer one has no page count.
const MAX_SCAN_BYTES: u64 = 128 * 1024 * 1024;

/// Read at a time.
const BLOCK: usize = 256 * 1024;

/// A dictionary that is longer than this is not looked at: one of the page tree's that matter is far shorter.
const MAX_DICTIONARY: usize = 16 * 1024;

/// A PDF's number of pages, or `None` if it is not in plain sight: newer PDFs may keep it in compressed objects, and
/// nothing is decompressed here.
pub fn pdf_pages(mut source: impl Read) -> Result<Option<u32>, Error> {
    let mut window = Vec::with_capacity(BLOCK + MAX_DICTIONARY);
    let mut scan = Scan::default();
    let mut read = 0;
    loop {
        let got = source.by_ref().take(BLOCK as u64).read_to_end(&mut window)?;
        read += got as u64;
        if read > MAX_SCAN_BYTES {
            return Ok(None);
        }
        let whole = scan.objects(&window, got == 0);
        if got == 0 {
            return Ok(scan.pages());
        }
        // What may be the beginning of an object is looked at again, with what follows it.
        let keep_from = whole.max(window.len().saturating_sub(MAX_DICTIONARY));
        window.drain(..keep_from);
    }
}

#[derive(Default)]
struct Scan {
    /// What the page tree's root says. A file that was edited has several roots, and the last one counts.
    root: Option<u32>,
    /// What a linearised file says in its first object, which an edit leaves as it was.
    linearised: Option<u32>,
}

impl Scan {
    /// Looks at every object in `window`, and says up to where it has. At the end of the file (`last`) an object needs no
    /// end.
    fn objects(&mut self, window: &[u8], last: bool) -> usize {
        let mut from = 0;
        while let Some(start) = find(&window[from..], b" obj").map(|at| from + at + 4) {
            let rest = &window[start..];
            let end = match find(&rest[..rest.len().min(MAX_DICTIONARY)], b"endobj") {
                Some(end) => end,
                None if last || rest.len() >= MAX_DICTIONARY => rest.len().min(MAX_DICTIONARY),
                None => return start - 4,
            };
            self.object(&rest[..end]);
            from = start + end;
        }
        from
    }

    fn object(&mut self, object: &[u8]) {
        // The bytes of a stream may look like anything.
        let object = &object[..find(object, b"stream").unwrap_or(object.len())];
        if self.linearised.is_none() && find(object, b"/Linearized").is_some() {
            self.linearised = number(object, b"/N");
        }
        if name(object, b"/Type") == Some(b"Pages") && find(object, b"/Parent").is_none() {
            self.root = number(object, b"/Count").or(self.root);
        }
    }

    fn pages(&self) -> Option<u32> {
        self.root.or(self.linearised).filter(|&pages| pages > 0)
    }
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

/// What follows a key, after any white space.
fn value<'a>(mut object: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    loop {
        object = &object[find(object, key)? + key.len()..];
        // Not the beginning of a longer key.
        if !object.first()?.is_ascii_alphanumeric() {
            return Some(object.trim_ascii_start());
        }
    }
}

fn name<'a>(object: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let name = value(object, key)?.strip_prefix(b"/")?;
    name.split(|byte| !byte.is_ascii_alphanumeric()).next()
}

fn number(object: &[u8], key: &[u8]) -> Option<u32> {
    let digits = value(object, key)?.split(|byte| !byte.is_ascii_digit()).next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_page_trees_root_counts() {
        let pdf = b"%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj <</Type /Pages /Kids [3 0 R]\n\
            /Count 12>> endobj 3 0 obj <</Type/Pages/Parent 2 0 R/Count 5>> endobj 4 0 obj <</Length 9>> stream\n\
            /Type /Pages /Count 99 endstream endobj\n%%EOF";
        assert_eq!(pdf_pages(pdf.as_slice()).unwrap(), Some(12));
    }

    #[test]
    fn an_edited_files_last_root_counts() {
        let pdf = b"%PDF-1.4\n2 0 obj<</Type/Pages/Count 3>>endobj\n%%EOF\n2 0 obj<</Type/Pages/Count 4>>endobj\n%%EOF";
        assert_eq!(pdf_pages(pdf.as_slice()).unwrap(), Some(4));
    }

    #[test]
    fn a_linearised_file_says_it_first() {
        let pdf = b"%PDF-1.6\n9 0 obj\n<</Linearized 1/L 999/O 11/E 400/N 7/T 800>>\nendobj\n%%EOF";
        assert_eq!(pdf_pages(pdf.as_slice()).unwrap(), Some(7));
    }

    #[test]
    fn what_is_not_in_plain_sight_is_not_guessed() {
        assert_eq!(pdf_pages(b"%PDF-1.6\n%%EOF".as_slice()).unwrap(), None);
        assert_eq!(pdf_pages(b"".as_slice()).unwrap(), None);
    }

    #[test]
    fn an_object_across_blocks_is_found() {
        for shift in 0..64 {
            let mut pdf = vec![b' '; BLOCK - shift];
            pdf.extend_from_slice(b"2 0 obj<</Type/Pages/Count 31>>endobj");
            pdf.resize(3 * BLOCK, b'x');
            assert_eq!(pdf_pages(pdf.as_slice()).unwrap(), Some(31), "shift {shift}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(prop::sample::select(b" obj endobj/Type/Pages/Count 1<>".to_vec()), 0..600)) {
            prop_assert!(pdf_pages(bytes.as_slice()).is_ok());
        }
    }
}
