//! `GET /session/qr`: as JSON, as a picture, or as text for a terminal, by `Accept`.

use std::io::Cursor;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{
    HeaderMap,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE},
};
use image::{ImageFormat, Luma};
use qrcode::{EcLevel, QrCode, render::unicode::Dense1x2};
use wago_contract::session::Qr;

use crate::{
    app::App,
    credentials::Session,
    error::ApiError,
    reply::{Reply, Result},
};

/// Pixels for one square of the code: large enough for a camera at a screen.
const SQUARE: u32 = 8;

pub(crate) async fn show(Session(session): Session, State(app): State<App>, headers: HeaderMap) -> Result<Response> {
    let qr = app.sessions.qr(session.id).await?;
    let drawn = draw(&qr.code)?;
    let reply = match Form::wanted(&headers) {
        Form::Json => {
            let picture = format!("data:image/png;base64,{}", BASE64_STANDARD.encode(png(&drawn)?));
            Reply(Qr { picture, code: qr.code, expires_in: qr.expires_in.as_secs() }).into_response()
        }
        Form::Picture => ([(CONTENT_TYPE, "image/png")], png(&drawn)?).into_response(),
        Form::Text => ([(CONTENT_TYPE, "text/plain; charset=utf-8")], text(&drawn)).into_response(),
    };
    // The code is new every few seconds, and whoever has it can link the account.
    Ok(([(CACHE_CONTROL, "no-store")], reply).into_response())
}

#[derive(Debug, PartialEq)]
enum Form {
    Json,
    Picture,
    Text,
}

impl Form {
    /// JSON unless another form is named and JSON is not.
    fn wanted(headers: &HeaderMap) -> Self {
        let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let names: Vec<_> = accepted
            .flat_map(|value| value.split(','))
            .map(|range| range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
            .collect();
        let names = |name: &str| names.iter().any(|accepted| accepted == name);
        if names("application/json") {
            Self::Json
        } else if names("image/png") {
            Self::Picture
        } else if names("text/plain") {
            Self::Text
        } else {
            Self::Json
        }
    }
}

/// With the least redundancy: a screen has no dirt on it, and larger squares scan better.
fn draw(code: &str) -> Result<QrCode> {
    QrCode::with_error_correction_level(code, EcLevel::L).map_err(|error| {
        tracing::error!(%error, "a QR code cannot be drawn");
        ApiError::internal()
    })
}

fn png(code: &QrCode) -> Result<Vec<u8>> {
    let picture = code.render::<Luma<u8>>().module_dimensions(SQUARE, SQUARE).build();
    let mut png = Cursor::new(Vec::new());
    picture.write_to(&mut png, ImageFormat::Png).map_err(|error| {
        tracing::error!(%error, "a QR code cannot be written as PNG");
        ApiError::internal()
    })?;
    Ok(png.into_inner())
}

/// Drawn for light letters on a dark ground, as terminals have.
fn text(code: &QrCode) -> String {
    let mut text = code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_what_is_accepted() {
        for (accept, form) in [
            ("", Form::Json),
            ("*/*", Form::Json),
            ("application/json, text/plain, */*", Form::Json),
            ("image/png", Form::Picture),
            ("image/avif,image/webp,Image/PNG,image/*;q=0.8,*/*;q=0.5", Form::Picture),
            ("text/plain; charset=utf-8", Form::Text),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Form::Json),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]);
            assert_eq!(Form::wanted(&headers), form, "{accept}");
        }
    }

    #[test]
    fn the_picture_can_be_scanned() {
        let code = "2@x/Y+z==,AAAA,BBBB,CCCC,1".repeat(8);
        let drawn = draw(&code).unwrap();
        let picture = image::load_from_memory(&png(&drawn).unwrap()).unwrap().to_luma8();
        let (width, height) = picture.dimensions();
        let pixel = |x: usize, y: usize| picture.get_pixel(x as u32, y as u32).0[0];
        let mut seen = rqrr::PreparedImage::prepare_from_greyscale(width as usize, height as usize, pixel);
        assert_eq!(seen.detect_grids()[0].decode().unwrap().1, code);
    }

    #[test]
    fn the_text_is_light_on_dark() {
        let text = text(&draw("hello").unwrap());
        let lines: Vec<_> = text.lines().collect();
        let width = lines[0].chars().count();
        assert!(lines.iter().all(|line| line.chars().count() == width));
        // The quiet zone around the code is light: full blocks.
        assert_eq!(lines[0], "█".repeat(width));
    }
}
