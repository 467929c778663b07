//! What a link in a text leads to: its page's title, words and picture.

use std::{io::Write as _, time::Duration};

use wago_contract::send::{
    media::{Kind, Media, Source},
    preview::{Preview, first_link},
    text::Text,
};
use wago_session::{File, kind_of};

use crate::app::App;

/// For a page, and for its picture. The sender waits for both.
const TIME: Duration = Duration::from_secs(5);
/// Bytes of a page that are read: what is looked for stands at its beginning.
const PAGE_MAX: usize = 512 << 10;
const PICTURE_MAX: u64 = 4 << 20;
/// Characters of a title, and of the words below it.
const TITLE_MAX: usize = 256;
const DESCRIPTION_MAX: usize = 1_024;
/// Tags of a page that are looked at.
const TAGS_MAX: usize = 2_000;

/// Gives a text its preview, if its first link has one. A page that does not answer is no reason not to send.
pub(crate) async fn look_up(app: &App, text: &mut Text) -> Vec<File> {
    let Some(link) = first_link(&text.body).map(str::to_owned) else { return Vec::new() };
    let Some((page, base)) = page(app, &link).await else { return Vec::new() };
    if page.title.is_none() && page.description.is_none() {
        return Vec::new();
    }
    let picture = match page.image.as_deref().and_then(|image| base.resolve(image)) {
        Some(image) => picture(app, &image).await,
        None => None,
    };
    let image = picture.as_ref().map(|_| Media {
        field: "LinkPreview".to_owned(),
        kind: Some(Kind::Image),
        source: Source::Blob(0),
        mimetype: None,
    });
    text.preview = Some(Preview { url: link, title: page.title, description: page.description, image, as_ad: false });
    picture.into_iter().collect()
}

async fn page(app: &App, link: &str) -> Option<(Page, wago_delivery::fetch::Fetched)> {
    let fetch = async {
        let mut answer = app.fetcher().get(link, "text/html", TIME).await.ok()?;
        if !answer.mimetype().is_some_and(|kind| kind == "text/html" || kind == "application/xhtml+xml") {
            return None;
        }
        let mut html = Vec::new();
        while let Ok(Some(chunk)) = answer.chunk().await {
            let room = PAGE_MAX - html.len();
            html.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() >= room {
                break;
            }
        }
        Some((Page::read(&String::from_utf8_lossy(&html)), answer))
    };
    tokio::time::timeout(TIME, fetch).await.ok().flatten()
}

async fn picture(app: &App, url: &str) -> Option<File> {
    let fetch = async {
        let mut answer = app.fetcher().get(url, "image/*", TIME).await.ok()?;
        let mut content = app.files.file();
        let mut length = 0;
        let mut kind = None;
        while let Some(chunk) = answer.chunk().await.ok()? {
            kind.get_or_insert_with(|| kind_of(&chunk));
            length += chunk.len() as u64;
            if length > PICTURE_MAX || kind != Some(Kind::Image) {
                return None;
            }
            content.write_all(&chunk).ok()?;
        }
        (length > 0).then(|| File {
            field: "LinkPreview".to_owned(),
            content,
            length,
            kind: Kind::Image,
            mimetype: None,
            name: None,
            folder: app.files.clone(),
        })
    };
    tokio::time::timeout(TIME, fetch).await.ok().flatten()
}

/// What the head of an HTML page says of it. OpenGraph's words go before the page's own.
#[derive(Debug, Default, PartialEq, Eq)]
struct Page {
    title: Option<String>,
    description: Option<String>,
    image: Option<String>,
}

impl Page {
    fn read(html: &str) -> Self {
        let (mut page, mut own) = (Self::default(), Self::default());
        let mut rest = html;
        for _ in 0..TAGS_MAX {
            let Some(at) = rest.find('<') else { break };
            rest = &rest[at + 1..];
            let name_end = rest.find(|char: char| !char.is_ascii_alphanumeric() && char != '/').unwrap_or(rest.len());
            let name = rest[..name_end].to_ascii_lowercase();
            let Some(end) = tag_end(rest) else { break };
            let (tag, after) = (&rest[name_end..end], &rest[end + 1..]);
            rest = after;
            match name.as_str() {
                "title" if own.title.is_none() => {
                    let text = after.find('<').map_or(after, |end| &after[..end]);
                    own.title = words(text, TITLE_MAX);
                }
                "meta" => {
                    let Some(content) = attribute(tag, "content") else { continue };
                    let name = attribute(tag, "property").or_else(|| attribute(tag, "name")).unwrap_or_default();
                    match name.to_ascii_lowercase().as_str() {
                        "og:title" => page.title = page.title.or_else(|| words(content, TITLE_MAX)),
                        "og:description" => {
                            page.description = page.description.or_else(|| words(content, DESCRIPTION_MAX));
                        }
                        "og:image" | "og:image:url" => page.image = page.image.or_else(|| words(content, 4_096)),
                        "description" => own.description = words(content, DESCRIPTION_MAX),
                        _ => {}
                    }
                }
                "body" | "/head" => break,
                _ => {}
            }
        }
        Self { title: page.title.or(own.title), description: page.description.or(own.description), image: page.image }
    }
}

/// Where the tag ends: the first `>` outside of quotes.
fn tag_end(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

fn attribute<'a>(tag: &'a str, wanted: &str) -> Option<&'a str> {
    let mut rest = tag;
    loop {
        let equals = rest.find('=')?;
        let name = rest[..equals].trim_end().rsplit(|char: char| char.is_whitespace() || char == '"').next()?;
        let value = rest[equals + 1..].trim_start();
        let (value, after) = match value.chars().next()? {
            quote @ ('"' | '\'') => {
                let end = value[1..].find(quote)?;
                (&value[1..=end], &value[end + 2..])
            }
            _ => {
                let end = value.find(char::is_whitespace).unwrap_or(value.len());
                (&value[..end], &value[end..])
            }
        };
        if name.trim_start_matches(['/', '\'']).eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = after;
    }
}

/// A text as it is read: entities resolved, white space joined, not longer than is shown.
fn words(html: &str, max: usize) -> Option<String> {
    let text = unescaped(html).split_whitespace().collect::<Vec<_>>().join(" ");
    let text: String = text.chars().take(max).collect();
    (!text.is_empty()).then_some(text)
}

fn unescaped(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find('&') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.bytes().take(12).position(|byte| byte == b';');
        match end.and_then(|end| Some((entity(&rest[1..end])?, end))) {
            Some((char, end)) => {
                text.push(char);
                rest = &rest[end + 1..];
            }
            None => {
                text.push('&');
                rest = &rest[1..];
            }
        }
    }
    text.push_str(rest);
    text
}

fn entity(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code).filter(|char| !char.is_control())?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_it_is() {
        let page = Page::read(
            r#"<!DOCTYPE html><html><head><meta charset=utf-8>
            <TITLE>Plain &amp;
              simple</TITLE>
            <meta name='description' content='its own > words'>
            <meta property="og:title" content="Open &#39;Graph&#x27;" />
            <meta content="/a.png?b=1&amp;c=2" property=og:image>
            </head><body><meta property="og:description" content="too late">"#,
        );
        assert_eq!(page.title.as_deref(), Some("Open 'Graph'"));
        assert_eq!(page.description.as_deref(), Some("its own > words"));
        assert_eq!(page.image.as_deref(), Some("/a.png?b=1&c=2"));
        assert_eq!(Page::read("<title>T</title>").title.as_deref(), Some("T"));
    }

    #[test]
    fn nonsense_is_no_page() {
        let open = "<meta content=\"".repeat(10_000);
        for html in ["", "<", "<meta", "<meta =", "<meta content=>", "<title", "&&&;", "<meta content='", &open] {
            assert_eq!(Page::read(html), Page::default(), "{html:.20}");
        }
        assert_eq!(words("a &unknown; b &#0; &", 99).as_deref(), Some("a &unknown; b &#0; &"));
        assert_eq!(words("äöü", 2).as_deref(), Some("äö"));
    }
}
