//! What a newcomer sees first.

use crate::config::SANDBOX_ADMIN_TOKEN;

/// `admin_token` is shown only if it is the one that is in the documentation anyway.
pub fn tour(gateway: &str, network: &str, admin_token: Option<&str>) -> String {
    let admin_token = match admin_token {
        Some(SANDBOX_ADMIN_TOKEN) => SANDBOX_ADMIN_TOKEN,
        _ => "YOUR_ADMIN_TOKEN",
    };
    let code = r#"sed 's/.*"Code":"\([^"]*\)".*/\1/'"#;
    format!(
        r#"
  WaGo's sandbox: no phone, no internet.

  API       {gateway}   admin token: {admin_token}
  Phones    {network}   Alice +15550000001, Bob +15550000002

  Make a session, connect it, scan its QR code with Alice's phone, write to Bob, and let Bob answer:

curl -s {gateway}/session/init -H 'admintoken: {admin_token}' -d '{{"Name":"demo","Token":"demo-token","Os":"Linux"}}'
curl -s {gateway}/session/connect -H 'token: demo-token' -d '{{"Subscribe":["All"],"Immediate":false}}'
curl -s {network}/phones/15550000001/link -d "{{\"qr\":\"$(curl -s {gateway}/session/qr -H 'token: demo-token' | {code})\"}}"
curl -s {gateway}/send/text -H 'token: demo-token' -d '{{"Phone":"15550000002","Body":"Hello Bob"}}'
curl -s {network}/phones/15550000002/send -d '{{"to":"15550000001","text":"Hello Alice"}}'
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_five_lines_to_paste_and_no_secret() {
        let tour = tour("http://127.0.0.1:1", "http://127.0.0.1:2", Some("my own secret"));
        assert_eq!(tour.lines().filter(|line| line.starts_with("curl ")).count(), 5);
        assert!(!tour.contains("my own secret"), "{tour}");
    }

    #[test]
    fn the_readme_has_the_same_lines() {
        let readme = include_str!("../../../../README.md");
        let tour = tour("http://localhost:1337", "http://localhost:1338", Some(SANDBOX_ADMIN_TOKEN));
        for line in tour.lines().filter(|line| line.starts_with("curl ")) {
            assert!(readme.lines().any(|written| written == line), "{line}");
        }
    }
}
