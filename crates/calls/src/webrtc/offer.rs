//! A browser's offer: one audio section with Opus is taken out of it, and of a video call one with H.264; the others are
//! refused in the answer. Session descriptions are RFC 8866, how they are answered is RFC 8829.

use std::fmt::Write as _;

use str0m::Candidate;
use thiserror::Error;

use super::{candidate, h264};

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
    /// The offer as if it had nothing but the sections that are taken.
    pub kept: String,
    pub has_picture: bool,
    /// Those that are of use.
    pub candidates: Vec<Candidate>,
    /// Of every section that is not taken, what refuses it; in order, `None` where one is.
    refusals: Vec<Option<String>>,
}

impl Offer {
    /// `video`: whether a picture is wanted, if there is one.
    pub(super) fn read(text: &str, video: bool) -> Result<Self, OfferError> {
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
        let picture = if video { picture(&sections) } else { None };
        let candidates = lines.iter().filter(|line| line.starts_with("a=candidate:"));
        // What cannot be read is left out as what is of no use: the browser's own checks find the way too.
        let candidates = candidates.filter_map(|line| candidate::read(line).ok().flatten());
        let mut taken = vec![(audio, sections[audio].to_vec())];
        let narrowed = picture.as_ref().map(|(index, codec)| (*index, codec.alone(sections[*index])));
        if let Some((index, lines)) = &narrowed {
            taken.push((*index, lines.iter().map(String::as_str).collect()));
            taken.sort_by_key(|(index, _)| *index);
        }
        let is_taken = |index| taken.iter().any(|(at, _)| *at == index);
        let refuse = |(index, section): (usize, &&[&str])| (!is_taken(index)).then(|| refusal(section));
        Ok(Self {
            kept: kept(session, &sections, &taken),
            has_picture: narrowed.is_some(),
            candidates: candidates.take(candidate::MAX).collect(),
            refusals: sections.iter().enumerate().map(refuse).collect(),
        })
    }

    /// The whole answer, of one to the sections that were taken.
    pub(super) fn answer(&self, to_kept: &str) -> String {
        let mut parts = to_kept.split_inclusive('\n').peekable();
        let mut part = || {
            let mut part = parts.next().unwrap_or_default().to_owned();
            while let Some(line) = parts.next_if(|line| !line.starts_with("m=")) {
                part.push_str(line);
            }
            part
        };
        let mut answer = part();
        for refusal in &self.refusals {
            match refusal {
                Some(refusal) => answer.push_str(refusal),
                None => {
                    let section = part();
                    if section.starts_with("m=video") {
                        answer.push_str(&limited(&section));
                    } else {
                        answer.push_str(&section);
                        // Packets of 20 ms are heard soonest; those of 60 ms are as welcome.
                        answer.push_str("a=ptime:20\r\na=maxptime:60\r\n");
                    }
                    // No candidate comes later.
                    answer.push_str("a=end-of-candidates\r\n");
                }
            }
        }
        answer
    }
}

/// Kilobits a second that a camera may take: what WhatsApp's clients take at most.
const BANDWIDTH: &str = "b=AS:2000\r\n";

/// A section with the bandwidth, which has its place behind the connection.
fn limited(section: &str) -> String {
    let attributes = section.find("a=").unwrap_or(section.len());
    format!("{}{BANDWIDTH}{}", &section[..attributes], &section[attributes..])
}

/// What a section's payload types are.
struct Payload {
    h264: String,
    /// Of packets that are sent again.
    again: Option<String>,
}

/// The first video section with H.264 that is not switched off, and which H.264 that is.
fn picture(sections: &[&[&str]]) -> Option<(usize, Payload)> {
    sections.iter().enumerate().find_map(|(index, section)| {
        let usable = section[0].starts_with("m=video ") && !is_off(section);
        Some((index, usable.then(|| Payload::find(section)).flatten()?))
    })
}

impl Payload {
    /// That of WhatsApp's kind, or else one like it, in packets of any size.
    fn find(section: &[&str]) -> Option<Self> {
        let named = |name: &str| {
            let name = name.to_owned();
            section.iter().filter_map(move |line| {
                let (number, codec) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
                codec.eq_ignore_ascii_case(&name).then_some(number)
            })
        };
        let of = |number: &str, key: &str| {
            let about = format!("a=fmtp:{number} ");
            let line = section.iter().find_map(|line| line.strip_prefix(&about))?;
            line.split(';').find_map(|one| one.trim().strip_prefix(key)?.strip_prefix('=')).map(str::to_lowercase)
        };
        let fits = |number: &&str, profile: u32| {
            // Without one it is the baseline. The level does not matter.
            let offered = of(number, "profile-level-id").unwrap_or_else(|| "42000a".to_owned());
            let offered = u32::from_str_radix(&offered, 16).unwrap_or_default();
            // Of the flags the second says whether the baseline is constrained.
            let kind = |profile: u32| (profile >> 16, profile & 0x4000);
            of(number, "packetization-mode").as_deref() == Some("1") && kind(offered) == kind(profile)
        };
        let h264 =
            h264::PROFILES.iter().find_map(|profile| named("H264/90000").find(|number| fits(number, *profile)))?;
        let again = named("rtx/90000").find(|number| of(number, "apt").as_deref() == Some(h264));
        Some(Self { h264: h264.to_owned(), again: again.map(str::to_owned) })
    }

    /// The section as if it offered nothing else, and in one size.
    fn alone(&self, section: &[&str]) -> Vec<String> {
        let ours = |number: &str| number == "*" || number == self.h264 || Some(number) == self.again.as_deref();
        let mut words: Vec<&str> = section[0].split(' ').collect();
        words.truncate(3);
        words.push(&self.h264);
        words.extend(self.again.as_deref());
        let kept = section[1..].iter().filter(|line| {
            let about = ["a=rtpmap:", "a=fmtp:", "a=rtcp-fb:"].iter().find_map(|prefix| line.strip_prefix(prefix));
            let sizes = line.starts_with("a=simulcast:") || line.starts_with("a=rid:");
            !sizes && about.is_none_or(|about| ours(about.split(' ').next().unwrap_or_default()))
        });
        std::iter::once(words.join(" ")).chain(kept.map(|line| (*line).to_owned())).collect()
    }
}

/// The first audio section that has Opus and is not switched off.
fn audio(sections: &[&[&str]]) -> Result<usize, OfferError> {
    let mut error = OfferError::NoAudio;
    for (index, section) in sections.iter().enumerate() {
        if !section[0].starts_with("m=audio ") || is_off(section) {
            continue;
        }
        if section.iter().any(|line| is_opus(line)) {
            return Ok(index);
        }
        error = OfferError::NoOpus;
    }
    Err(error)
}

fn is_off(section: &[&str]) -> bool {
    port(section) == Some("0") && !section.contains(&"a=bundle-only")
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

/// The offer as if it had nothing but some sections, of which the lines are given.
fn kept(session: &[&str], sections: &[&[&str]], taken: &[(usize, Vec<&str>)]) -> String {
    let names: Vec<String> = taken
        .iter()
        .enumerate()
        .map(|(number, (_, section))| mid(section).map_or_else(|| number.to_string(), str::to_owned))
        .collect();
    let skipped = ["a=candidate:", "a=end-of-candidates", "a=group:BUNDLE", "a=bundle-only", "a=mid:"];
    let kept = |line: &&&str| !skipped.iter().any(|prefix| line.starts_with(prefix));
    let mut text = String::new();
    let mut push = |line: &str| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{line}\r\n");
    };
    session.iter().filter(kept).for_each(|line| push(line));
    push(&format!("a=group:BUNDLE {}", names.join(" ")));
    for ((_, section), name) in taken.iter().zip(&names) {
        push(&section[0].replacen(" 0 ", " 9 ", 1));
        section[1..].iter().filter(kept).for_each(|line| push(line));
        push(&format!("a=mid:{name}"));
        // In a bundle, the first section may speak for all.
        if !section.iter().chain(session).any(|line| is_transport(line)) {
            let first = sections.iter().find(|section| section.iter().any(|line| is_transport(line)));
            first
                .into_iter()
                .flat_map(|first| first.iter())
                .filter(|line| is_transport(line))
                .for_each(|line| push(line));
        }
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
        Offer::read(text, true).err().unwrap()
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
        let read = Offer::read(&offer(&format!("{video}{AUDIO}{data}")), false).unwrap();
        assert!(!read.kept.contains("m=video") && !read.kept.contains("m=application"));
        assert!(read.kept.contains("a=group:BUNDLE 1\r\n"));
        let answer = read.answer("v=0\r\ns=-\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\n");
        let expected = "v=0\r\ns=-\r\n\
                        m=video 0 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=inactive\r\n\
                        a=rtpmap:96 VP8/90000\r\n\
                        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\na=ptime:20\r\na=maxptime:60\r\na=end-of-candidates\r\n\
                        m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\n";
        assert_eq!(answer, expected);
    }

    const VIDEO: &str = "m=video 9 UDP/TLS/RTP/SAVPF 96 102 103 104 108 109 116\r\na=mid:0\r\na=ice-ufrag:own\r\n\
        a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\n\
        a=rtpmap:102 H264/90000\r\na=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f\r\n\
        a=rtpmap:103 rtx/90000\r\na=fmtp:103 apt=102\r\n\
        a=rtpmap:104 H264/90000\r\na=fmtp:104 packetization-mode=0;profile-level-id=42e01f\r\n\
        a=rtpmap:108 H264/90000\r\na=rtcp-fb:108 nack pli\r\n\
        a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42E034\r\n\
        a=rtpmap:109 rtx/90000\r\na=fmtp:109 apt=108\r\n\
        a=rtpmap:116 H264/90000\r\na=fmtp:116 packetization-mode=1;profile-level-id=64001f\r\n\
        a=rid:h send\r\na=simulcast:send h\r\n";

    #[test]
    fn of_all_that_a_camera_can_do_one_is_taken() {
        let read = Offer::read(&offer(&format!("{VIDEO}{AUDIO}")), true).unwrap();
        assert!(read.has_picture && read.kept.contains("a=group:BUNDLE 0 1\r\n"), "{}", read.kept);
        assert!(read.kept.contains("m=video 9 UDP/TLS/RTP/SAVPF 108 109\r\n"), "{}", read.kept);
        assert!(read.kept.contains("a=rtcp-fb:108 nack pli\r\n") && read.kept.contains("a=fmtp:109 apt=108\r\n"));
        for gone in ["VP8", ":102", ":104", ":116", "simulcast", "a=rid"] {
            assert!(!read.kept.contains(gone), "{gone} in {}", read.kept);
        }
        let constrained = VIDEO.replace("42E034", "64001f");
        let read = Offer::read(&offer(&format!("{constrained}{AUDIO}")), true).unwrap();
        assert!(read.kept.contains("SAVPF 102 103\r\n"), "the baseline will do: {}", read.kept);
    }

    #[test]
    fn a_picture_is_refused_unless_one_is_wanted_that_can_be_had() {
        let without = VIDEO.replace("packetization-mode=1", "packetization-mode=0");
        for (video, wanted) in [(VIDEO, false), (&without, true), (&VIDEO.replace(" 9 ", " 0 "), true)] {
            let read = Offer::read(&offer(&format!("{video}{AUDIO}")), wanted).unwrap();
            assert!(!read.has_picture && !read.kept.contains("m=video"));
            assert!(read.refusals[0].as_deref().unwrap().starts_with("m=video 0 ") && read.refusals[1].is_none());
        }
    }

    #[test]
    fn an_answer_has_its_sections_in_the_order_of_the_offer() {
        let data = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\n";
        let read = Offer::read(&offer(&format!("{VIDEO}{data}{AUDIO}")), true).unwrap();
        let answer = read.answer(
            "v=0\r\ns=-\r\nm=video 9 UDP/TLS/RTP/SAVPF 108\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n\
             m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\n",
        );
        let expected = "v=0\r\ns=-\r\n\
                        m=video 9 UDP/TLS/RTP/SAVPF 108\r\nc=IN IP4 0.0.0.0\r\nb=AS:2000\r\na=mid:0\r\na=end-of-candidates\r\n\
                        m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\n\
                        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\na=ptime:20\r\na=maxptime:60\r\na=end-of-candidates\r\n";
        assert_eq!(answer, expected);
    }

    #[test]
    fn audio_in_a_bundle_is_reached_as_the_first_section_says() {
        let video = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=ice-ufrag:first\r\na=ice-pwd:secret\r\n\
                     a=fingerprint:sha-256 AB\r\na=setup:actpass\r\n\
                     a=candidate:1 1 udp 2122260223 192.0.2.1 50000 typ host\r\n";
        let audio = AUDIO.replace(" 9 ", " 0 ").replace("a=ice-ufrag:own", "a=bundle-only");
        let read = Offer::read(&offer(&format!("{video}{audio}")), false).unwrap();
        assert!(read.kept.contains("m=audio 9 "));
        for line in
            ["a=ice-ufrag:first\r\n", "a=ice-pwd:secret\r\n", "a=fingerprint:sha-256 AB\r\n", "a=setup:actpass\r\n"]
        {
            assert!(read.kept.contains(line), "{line}");
        }
        assert_eq!(read.candidates.len(), 1);
    }

    #[test]
    fn audio_that_says_how_it_is_reached_is_believed() {
        let video = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=ice-ufrag:other\r\n";
        let read = Offer::read(&offer(&format!("{video}{AUDIO}")), false).unwrap();
        assert!(read.kept.contains("a=ice-ufrag:own") && !read.kept.contains("a=ice-ufrag:other"));
    }

    #[test]
    fn names_in_place_of_addresses_are_left_out_and_lines_may_end_as_they_like() {
        let name = "a=candidate:1 1 udp 2113937151 5a3c7f1e.local 50000 typ host\n";
        let read = Offer::read(&offer(&format!("{AUDIO}{name}")).replace("\r\n", "\n"), false).unwrap();
        assert!(read.candidates.is_empty() && !read.kept.contains(".local"));
        assert!(read.kept.lines().count() == read.kept.matches("\r\n").count());
    }

    #[test]
    fn of_two_audio_sections_the_first_with_opus_is_taken() {
        let pcm = AUDIO.replace("opus/48000/2", "PCMU/8000").replace("a=mid:1", "a=mid:0");
        let read = Offer::read(&offer(&format!("{pcm}{AUDIO}")), false).unwrap();
        assert!(read.kept.contains("a=mid:1\r\n") && !read.kept.contains("PCMU"));
        assert!(read.refusals[0].as_deref().unwrap().starts_with("m=audio 0 ") && read.refusals[1].is_none());
    }
}
