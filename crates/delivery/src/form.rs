//! WaGo's form: the token and the event's JSON as `application/x-www-form-urlencoded`, or with the event's file as
//! `multipart/form-data`.

/// The body without a file.
pub(crate) fn body(token: &str, payload: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(payload.len() * 2 + token.len() + 32);
    body.extend_from_slice(b"token=");
    escape(token.as_bytes(), &mut body);
    body.extend_from_slice(b"&jsonData=");
    escape(payload, &mut body);
    body
}

/// A space becomes `%20`, not `+`: a receiver that decodes it as a form, or as a URL, reads the same, and a `+` in base64
/// survives both.
pub(crate) fn escape(bytes: &[u8], into: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(byte);
        } else {
            into.extend_from_slice(&[b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
    }
}

/// Adds a part. `file`: its name and media type.
pub(crate) fn part(into: &mut Vec<u8>, boundary: &str, field: &str, file: Option<(&str, &str)>, value: &[u8]) {
    into.extend_from_slice(format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{field}\"").as_bytes());
    if let Some((name, mimetype)) = file {
        // As browsers write it. Whoever sent the file chose its name, which must not end the line.
        let name = name.replace('"', "%22").replace(['\r', '\n'], " ");
        let mimetype: String = mimetype.chars().filter(|char| !char.is_control()).collect();
        into.extend_from_slice(format!("; filename=\"{name}\"\r\nContent-Type: {mimetype}").as_bytes());
    }
    into.extend_from_slice(b"\r\n\r\n");
    into.extend_from_slice(value);
    into.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_fields() {
        let body = body("a+b c", r#"{"k":"é&="}"#.as_bytes());
        assert_eq!(String::from_utf8_lossy(&body), "token=a%2Bb%20c&jsonData=%7B%22k%22%3A%22%C3%A9%26%3D%22%7D");
    }

    #[test]
    fn a_form_decoder_reads_it_back() {
        let payload = "every character: \u{0} +/=&%~\u{7f} ü 🦀";
        let body = String::from_utf8(body("t", payload.as_bytes())).expect("only ASCII is left");
        let url = reqwest::Url::parse(&format!("http://host/?{body}")).expect("a URL");
        let fields: Vec<_> = url.query_pairs().into_owned().collect();
        assert_eq!(fields, [("token".to_owned(), "t".to_owned()), ("jsonData".to_owned(), payload.to_owned())]);
    }
    #[test]
    fn a_file_cannot_break_out_of_its_part() {
        let mut body = Vec::new();
        part(&mut body, "b", "file", Some(("a\"\r\nX: y", "image/png\r\nX: y")), b"bytes");
        let expected = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a%22  X: y\"\r\nContent-Type: image/pngX: y\r\n\r\nbytes\r\n";
        assert_eq!(String::from_utf8_lossy(&body), expected);
    }
}
