//! A browser's offer: one audio section with Opus is taken out of it, the others are refused in the answer. Session
//! descriptions are RFC 8866, how they are answered is RFC 8829.

use std::fmt::Write as _;

use str0m::Candidate;
use thiserror::Error;

use super::candidate;

/// Bytes of an offer. Browsers' have a tenth of that.
const LONG: usize = 64 * 1_024;

/// Why a browser's offer cannot be answered.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum OfferError {
    #[error("the offer is longer than {LONG} bytes: offer one audio track alone")]
    Long,
    #[error(
        "this is no session description: give the `sdp` of a browser's RTCSessionDescription, which begins with `v=0`"
    )]
    NotSdp,
    #[error(
        "the offer has no audio: add a microphone track, or a transceiver of kind `audio`, before the offer is made"
    )]
    NoAudio,
    #[error("the offer's audio has no Opus, which is the only codec of calls: leave `opus/48000/2` in the offer")]
    NoOpus,
    #[error("the offer cannot be used ({0}): give it as the browser made it, with ICE, DTLS and BUNDLE as they are")]
    Unusable(String),
    #[error("this machine has no address that a browser could reach: connect it to a network")]
    NoAddress,
    #[error("too many browsers are in calls: end one of them and offer again")]
    Full,
}

pub(super) struct Offer {
    /// The offer as if it had nothing but the audio section.
    pub audio_alone: String,
    /// Those that are of use.
    pub candidates: Vec<Candidate>,
    /// Of every section but the audio's, what refuses it; in order, `None` where the audio is.
    refusals: Vec<Option<String>>,
}

impl Offer {
    pub(super) fn read(text: &str) -> Result<Self, OfferError> {
        if text.len() > LONG {
            return Err(OfferError::Long);
        }
        let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        if lines.first() != Some(&"v=0") {
            return Err(OfferError::NotSdp);
        }
        let mut parts = lines.chunk_by(|_, next| !next.starts_with("m="));
        let session = parts.next().unwrap_or_default();
        let sections: Vec<&[&str]> = parts.collect();
        let audio = audio(&sections)?;
        let candidates = lines.iter().filter(|line| line.starts_with("a=candidate:"));
        // What cannot be read is left out as what is of no use: the browser's own checks find the way too.
        let candidates = candidates.filter_map(|line| candidate::read(line).ok().flatten());
        let refuse = |(index, section): (usize, &&[&str])| (index != audio).then(|| refusal(section));
        Ok(Self {
            audio_alone: alone(session, &sections, audio),
            candidates: candidates.take(candidate::MAX).collect(),
            refusals: sections.iter().enumerate().map(refuse).collect(),
        })
    }

    /// The whole answer, of one to the audio alone.
    pub(super) fn answer(&self, to_audio: &str) -> String {
        let (session, audio) = to_audio.split_at(to_audio.find("m=").unwrap_or(to_audio.len()));
        let mut answer = session.to_owned();
        for refusal in &self.refusals {
            match refusal {
                Some(refusal) => answer.push_str(refusal),
                None => {
                    answer.push_str(audio);
                    // Packets of 20 ms are heard soonest; those of 60 ms are as welcome. No candidate comes later.
                    answer.push_str("a=ptime:20\r\na=maxptime:60\r\na=end-of-candidates\r\n");
                }
            }
        }
        answer
    }
}

/// The first audio section that has Opus and is not switched off.
fn audio(sections: &[&[&str]]) -> Result<usize, OfferError> {
    let mut error = OfferError::NoAudio;
    for (index, section) in sections.iter().enumerate() {
        let off = port(section) == Some("0") && !section.contains(&"a=bundle-only");
        if !section[0].starts_with("m=audio ") || off {
            continue;
        }
        if section.iter().any(|line| is_opus(line)) {
            return Ok(index);
        }
        error = OfferError::NoOpus;
    }
    Err(error)
}

fn is_opus(line: &str) -> bool {
    let codec = line.strip_prefix("a=rtpmap:").and_then(|map| map.split_once(' '));
    codec.is_some_and(|(_, codec)| codec.eq_ignore_ascii_case("opus/48000/2"))
}

fn port<'a>(section: &[&'a str]) -> Option<&'a str> {
    section[0].split(' ').nth(1)
}

fn mid<'a>(section: &[&'a str]) -> Option<&'a str> {
    section.iter().find_map(|line| line.strip_prefix("a=mid:"))
}

/// Whether a line says how the other end is reached and known.
fn is_transport(line: &str) -> bool {
    ["a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=setup:"].iter().any(|prefix| line.starts_with(prefix))
}

fn alone(session: &[&str], sections: &[&[&str]], audio: usize) -> String {
    let section = sections[audio];
    let mid = mid(section).unwrap_or("0");
    let skipped = ["a=candidate:", "a=end-of-candidates", "a=group:BUNDLE", "a=bundle-only", "a=mid:"];
    let kept = |line: &&&str| !skipped.iter().any(|prefix| line.starts_with(prefix));
    let mut text = String::new();
    let mut push = |line: &str| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{line}\r\n");
    };
    session.iter().filter(kept).for_each(|line| push(line));
    push(&format!("a=group:BUNDLE {mid}"));
    push(&section[0].replacen(" 0 ", " 9 ", 1));
    section[1..].iter().filter(kept).for_each(|line| push(line));
    push(&format!("a=mid:{mid}"));
    // In a bundle, the first section may speak for all.
    if !section.iter().chain(session).any(|line| is_transport(line)) {
        let first = sections.iter().find(|section| section.iter().any(|line| is_transport(line)));
        first.into_iter().flat_map(|first| first.iter()).filter(|line| is_transport(line)).for_each(|line| push(line));
    }
    text
}

/// A section with port 0 is refused.
fn refusal(section: &[&str]) -> String {
    let mut words: Vec<&str> = section[0].split(' ').collect();
    if let Some(port) = words.get_mut(1) {
        *port = "0";
    }
    let mut text = format!("{}\r\nc=IN IP4 0.0.0.0\r\n", words.join(" "));
    if let Some(mid) = mid(section) {
        let _ = write!(text, "a=mid:{mid}\r\n");
    }
    if !words[0].starts_with("m=application") {
        text.push_str("a=inactive\r\n");
    }
    // Some readers want every format named, even here.
    for line in section.iter().filter(|line| line.starts_with("a=rtpmap:")) {
        let _ = write!(text, "{line}\r\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUDIO: &str =
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\na=rtpmap:111 opus/48000/2\r\na=ice-ufrag:own\r\n";

    fn offer(sections: &str) -> String {
        format!("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n{sections}")
    }

    fn error(text: &str) -> OfferError {
        Offer::read(text).err().unwrap()
    }

    #[test]
    fn each_wrong_offer_has_an_error_of_its_own() {
        assert_eq!(error(""), OfferError::NotSdp);
        assert_eq!(error("{\"type\":\"offer\"}"), OfferError::NotSdp);
        assert_eq!(error(&offer("m=video 9 UDP/TLS/RTP/SAVPF 96\r\n")), OfferError::NoAudio);
        assert_eq!(error(&offer(&AUDIO.replace(" 9 ", " 0 "))), OfferError::NoAudio);
        assert_eq!(error(&offer(&AUDIO.replace("opus/48000/2", "PCMU/8000"))), OfferError::NoOpus);
        assert_eq!(error(&offer(&AUDIO.repeat(1_000))), OfferError::Long);
    }

    #[test]
    fn the_other_sections_are_refused_where_they_are() {
        let video = "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:0\r\na=rtpmap:96 VP8/90000\r\n";
        let data = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\n";
        let read = Offer::read(&offer(&format!("{video}{AUDIO}{data}"))).unwrap();
        assert!(!read.audio_alone.contains("m=video") && !read.audio_alone.contains("m=application"));
        assert!(read.audio_alone.contains("a=group:BUNDLE 1\r\n"));
        let answer = read.answer("v=0\r\ns=-\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\n");
        let expected = "v=0\r\ns=-\r\n\
                        m=video 0 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=inactive\r\n\
                        a=rtpmap:96 VP8/90000\r\n\
                        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\na=ptime:20\r\na=maxptime:60\r\na=end-of-candidates\r\n\
                        m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\n";
        assert_eq!(answer, expected);
    }

    #[test]
    fn audio_in_a_bundle_is_reached_as_the_first_section_says() {
        let video = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=ice-ufrag:first\r\na=ice-pwd:secret\r\n\
                     a=fingerprint:sha-256 AB\r\na=setup:actpass\r\n\
                     a=candidate:1 1 udp 2122260223 192.0.2.1 50000 typ host\r\n";
        let audio = AUDIO.replace(" 9 ", " 0 ").replace("a=ice-ufrag:own", "a=bundle-only");
        let read = Offer::read(&offer(&format!("{video}{audio}"))).unwrap();
        assert!(read.audio_alone.contains("m=audio 9 "));
        for line in
            ["a=ice-ufrag:first\r\n", "a=ice-pwd:secret\r\n", "a=fingerprint:sha-256 AB\r\n", "a=setup:actpass\r\n"]
        {
            assert!(read.audio_alone.contains(line), "{line}");
        }
        assert_eq!(read.candidates.len(), 1);
    }

    #[test]
    fn audio_that_says_how_it_is_reached_is_believed() {
        let video = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=ice-ufrag:other\r\n";
        let read = Offer::read(&offer(&format!("{video}{AUDIO}"))).unwrap();
        assert!(read.audio_alone.contains("a=ice-ufrag:own") && !read.audio_alone.contains("a=ice-ufrag:other"));
    }

    #[test]
    fn names_in_place_of_addresses_are_left_out_and_lines_may_end_as_they_like() {
        let name = "a=candidate:1 1 udp 2113937151 5a3c7f1e.local 50000 typ host\n";
        let read = Offer::read(&offer(&format!("{AUDIO}{name}")).replace("\r\n", "\n")).unwrap();
        assert!(read.candidates.is_empty() && !read.audio_alone.contains(".local"));
        assert!(read.audio_alone.lines().count() == read.audio_alone.matches("\r\n").count());
    }

    #[test]
    fn of_two_audio_sections_the_first_with_opus_is_taken() {
        let pcm = AUDIO.replace("opus/48000/2", "PCMU/8000").replace("a=mid:1", "a=mid:0");
        let read = Offer::read(&offer(&format!("{pcm}{AUDIO}"))).unwrap();
        assert!(read.audio_alone.contains("a=mid:1\r\n") && !read.audio_alone.contains("PCMU"));
        assert!(read.refusals[0].as_deref().unwrap().starts_with("m=audio 0 ") && read.refusals[1].is_none());
    }
}
