//! Where the two ends of a leg may be reached.

use std::net::{IpAddr, SocketAddr};

use str0m::{Candidate, net::Protocol};
use thiserror::Error;
use tracing::{debug, warn};

use super::{addresses::usable, stun::Mapping};

/// Bytes of a candidate. What is longer is none.
const LONG: usize = 1_024;
/// Candidates of one browser that are used. Further ones are passed over: it most likely is reached already, and if not
/// its own checks tell where it is.
pub(super) const MAX: usize = 32;

/// Why a browser's candidate cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CandidateError {
    #[error(
        "this is no ICE candidate ({0}): give the `candidate` of a browser's RTCIceCandidate, such as \
         `candidate:1 1 udp 2122260223 192.0.2.1 50000 typ host`, or nothing when there are no more"
    )]
    Malformed(String),
    #[error("too many candidates at once: wait until they are used, or leave them away; a few are enough")]
    Many,
    #[error("the browser's leg has ended: make a new offer")]
    Ended,
}

/// Reads `candidate:…` or `a=candidate:…`. `None` means that it is well-formed and of no use: the end of candidates, TCP,
/// RTCP of its own, or a name in place of an address. Such a browser is found by the checks that it sends.
pub(super) fn read(text: &str) -> Result<Option<Candidate>, CandidateError> {
    let malformed = |reason: &str| CandidateError::Malformed(reason.to_owned());
    let text = text.trim();
    let text = text.strip_prefix("a=").unwrap_or(text);
    if text.is_empty() || text == "end-of-candidates" {
        return Ok(None);
    }
    if text.len() > LONG {
        return Err(malformed("it is too long"));
    }
    let fields = text.strip_prefix("candidate:").ok_or_else(|| malformed("it does not begin with `candidate:`"))?;
    let mut fields = fields.split_whitespace();
    let (Some(component), Some(protocol), Some(address)) = (fields.nth(1), fields.next(), fields.nth(1)) else {
        return Err(malformed("it has too few words"));
    };
    let udp = protocol.eq_ignore_ascii_case("udp");
    let tcp = ["tcp", "ssltcp", "tls"].iter().any(|tcp| protocol.eq_ignore_ascii_case(tcp));
    if tcp || (udp && (address.ends_with(".local") || component == "2")) {
        return Ok(None);
    }
    let candidate = Candidate::from_sdp_string(text)
        .map_err(|error| CandidateError::Malformed(reason(&error.to_string(), text)))?;
    let fits = udp && candidate.addr().port() != 0 && usable(candidate.addr().ip());
    Ok(fits.then_some(candidate))
}

/// The parser's words without the candidate, which it repeats before them.
fn reason(error: &str, text: &str) -> String {
    let reason = error.split_once(text).map_or(error, |(_, reason)| reason);
    reason.trim_start_matches(": ").to_owned()
}

/// Our own: each address, what it is seen as from outside, and the public ones of the configuration, which a router maps
/// to the first address of their family, port for port.
pub(super) fn own(locals: &[SocketAddr], public: &[IpAddr], mappings: &[Mapping]) -> Vec<Candidate> {
    let hosts = locals.iter().map(|local| Candidate::host(*local, Protocol::Udp));
    let configured = public.iter().filter(|public| !locals.iter().any(|local| local.ip() == **public));
    let configured = configured.filter_map(|public| {
        let base = locals.iter().find(|local| local.is_ipv4() == public.is_ipv4());
        if base.is_none() {
            debug!(%public, "a public address is not offered: this machine has no other of its family");
        }
        base.map(|base| Mapping { local: *base, mapped: SocketAddr::new(*public, base.port()) })
    });
    let mapped = configured.chain(mappings.iter().copied().filter(|known| locals.contains(&known.local)));
    let mapped = mapped.map(|known| Candidate::server_reflexive(known.mapped, known.local, Protocol::Udp));
    hosts
        .chain(mapped)
        .filter_map(|made| made.inspect_err(|error| warn!(%error, "an address is not offered")).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use str0m::CandidateKind;

    use super::*;

    #[test]
    fn candidates_are_read_as_browsers_write_them() {
        let chromium = "candidate:387183333 1 udp 1686052607 198.51.100.72 31267 typ srflx raddr 192.168.1.4 rport 50028 \
                        generation 0 ufrag Yz/X network-id 1 network-cost 900";
        let read_one = read(chromium).unwrap().unwrap();
        assert_eq!(
            (read_one.addr(), read_one.kind()),
            ("198.51.100.72:31267".parse().unwrap(), CandidateKind::ServerReflexive)
        );
        let firefox = "a=candidate:0 1 UDP 2122252543 192.168.1.4 40678 typ host\r\n";
        assert_eq!(read(firefox).unwrap().unwrap().addr(), "192.168.1.4:40678".parse().unwrap());
    }

    #[test]
    fn what_is_well_formed_and_of_no_use_is_passed_over() {
        for text in [
            "",
            " ",
            "a=end-of-candidates",
            "candidate:1 1 udp 2113937151 5a3c7f1e-7f3c-4d2e-9a0e-0b9f7c6d5e4f.local 50000 typ host generation 0",
            "candidate:1 1 tcp 1518280447 192.168.1.4 9 typ host tcptype active",
            "candidate:1 2 udp 2113937151 192.168.1.4 50001 typ host",
            "candidate:1 1 udp 2113937151 fe80::1 50001 typ host",
            "candidate:1 1 udp 2113937151 192.168.1.4 0 typ host",
        ] {
            assert!(read(text).unwrap().is_none(), "{text}");
        }
    }

    #[test]
    fn what_is_no_candidate_is_an_error_that_says_why() {
        for (text, why) in [
            ("hello", "begin with"),
            ("candidate:1 1 udp", "too few words"),
            ("candidate:1 1 udp 2113937151 nowhere 50000 typ host", "bad address"),
            ("candidate:1 1 udp 2113937151 192.168.1.4 500000 typ host", "bad port"),
            ("candidate:1 1 udp 2113937151 192.168.1.4 5000 typ cast", "unknown candidate type"),
            ("candidate:1 1 pigeon 2113937151 192.168.1.4 5000 typ host", "invalid protocol"),
        ] {
            let error = read(text).unwrap_err();
            assert!(matches!(&error, CandidateError::Malformed(reason) if reason.contains(why)), "{text}: {error}");
        }
        assert!(read(&format!("candidate:{}", "x ".repeat(LONG))).unwrap_err().to_string().contains("too long"));
    }

    #[test]
    fn public_addresses_stand_for_the_first_of_their_family() {
        let locals = ["10.0.0.5:4000".parse().unwrap(), "10.0.9.5:4000".parse().unwrap()];
        let public = ["203.0.113.7".parse().unwrap(), "2001:db8::7".parse().unwrap(), "10.0.9.5".parse().unwrap()];
        let mapping = Mapping { local: locals[1], mapped: "203.0.113.8:5555".parse().unwrap() };
        let gone = Mapping { local: "10.7.7.7:4000".parse().unwrap(), ..mapping };
        let own: Vec<_> =
            own(&locals, &public, &[mapping, gone]).iter().map(|own| (own.kind(), own.addr(), own.local())).collect();
        let expected = [
            (CandidateKind::Host, locals[0], locals[0]),
            (CandidateKind::Host, locals[1], locals[1]),
            (CandidateKind::ServerReflexive, "203.0.113.7:4000".parse().unwrap(), locals[0]),
            (CandidateKind::ServerReflexive, "203.0.113.8:5555".parse().unwrap(), locals[1]),
        ];
        assert_eq!(own, expected);
    }
}
