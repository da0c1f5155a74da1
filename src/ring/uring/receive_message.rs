//! Multishot receive of datagrams with their senders
//! (io_uring_prep_recvmsg_multishot(3)): the kernel puts a header in front of each
//! one, and behind it the sender's address and the control messages, in fields of
//! fixed length.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::RawFd;

use io_uring::types::RecvMsgOut;
use io_uring::{Submitter, cqueue, opcode, squeue, types};

use super::buffers::Buffers;
use crate::limits::DATAGRAM_HEAD_BYTES;
use crate::ring::{Datagram, Received};

/// Bytes for the sender's address: a sockaddr_in6, and what aligns what follows.
const NAME_BYTES: usize = 32;

/// Bytes for one control message of four bytes: cmsghdr, the number, padding
/// (cmsg(3)).
const CONTROL_BYTES: usize = 24;

/// Bytes of the kernel's header, io_uring_recvmsg_out: four numbers.
const HEADER_BYTES: usize = 16;

/// Offset of the number in that control message.
const CONTROL_DATA: usize = 16;

const _: () = assert!(HEADER_BYTES + NAME_BYTES + CONTROL_BYTES == DATAGRAM_HEAD_BYTES);
const _: () = assert!(NAME_BYTES >= size_of::<libc::sockaddr_in6>());
const _: () = assert!(CONTROL_DATA == size_of::<libc::cmsghdr>());

/// Receives of datagrams: their chunks, and the form of what stands in front of
/// the datagrams.
pub struct Messages {
    buffers: Buffers,
    /// Lengths only. The kernel reads it when it gets an entry; its place must
    /// not change until then.
    form: Box<libc::msghdr>,
}

impl Messages {
    /// Registers an empty ring of `count` chunks, a power of two, as this group.
    ///
    /// # Errors
    /// Those of [`Buffers::register`].
    pub fn register(submitter: &Submitter<'_>, group: u16, count: u16) -> io::Result<Messages> {
        // SAFETY: a msghdr is plain data, valid with all bytes 0.
        let mut form: Box<libc::msghdr> = Box::new(unsafe { std::mem::zeroed() });
        form.msg_namelen = NAME_BYTES as libc::socklen_t;
        form.msg_controllen = CONTROL_BYTES as _;
        Ok(Messages {
            buffers: Buffers::register(submitter, group, count)?,
            form,
        })
    }

    /// Lends a chunk, whose receive space has [`DATAGRAM_HEAD_BYTES`] and the
    /// datagram.
    pub fn provide(&mut self, chunk: crate::base::Chunk) {
        self.buffers.provide(chunk);
    }

    pub fn entry(&self, socket: RawFd) -> squeue::Entry {
        opcode::RecvMsgMulti::new(types::Fd(socket), &*self.form, self.buffers.group()).build()
    }

    /// What a completion says.
    pub fn outcome(&mut self, entry: &cqueue::Entry) -> Received {
        let chunk = cqueue::buffer_select(entry.flags()).and_then(|id| self.buffers.used(id));
        match (entry.result(), chunk) {
            (len, Some(chunk)) if len >= 0 => Received::Bytes {
                chunk,
                len: len as usize,
            },
            (len, None) if len >= 0 => {
                let error = io::Error::other("a datagram without a buffer");
                Received::Failed(error)
            }
            (error, _) => match -error {
                libc::ENOBUFS => Received::NoChunk,
                libc::ECANCELED => Received::Cancelled,
                errno => Received::Failed(io::Error::from_raw_os_error(errno)),
            },
        }
    }

    /// The datagram in a chunk of which `len` bytes were filled.
    pub fn datagram<'a>(&self, chunk: &'a crate::base::Chunk, len: usize) -> Option<Datagram<'a>> {
        let filled = chunk.bytes().get(chunk.headroom()..)?.get(..len)?;
        let message = RecvMsgOut::parse(filled, &self.form).ok()?;
        Some(Datagram {
            sender: sender(message.name_data())?,
            text: filled
                .get(DATAGRAM_HEAD_BYTES..)?
                .get(..message.payload_data().len())?,
            is_cut: message.is_payload_truncated(),
            dropped: dropped(message.control_data()),
        })
    }
}

/// A sockaddr_in or sockaddr_in6 (ip(7), ipv6(7)).
fn sender(name: &[u8]) -> Option<SocketAddr> {
    let family = u16::from_ne_bytes(*name.first_chunk()?);
    let port = u16::from_be_bytes(*name.get(2..)?.first_chunk()?);
    match i32::from(family) {
        libc::AF_INET => {
            let address: [u8; 4] = *name.get(4..)?.first_chunk()?;
            Some((Ipv4Addr::from(address), port).into())
        }
        libc::AF_INET6 => {
            let address: [u8; 16] = *name.get(8..)?.first_chunk()?;
            Some((Ipv6Addr::from(address), port).into())
        }
        _ => None,
    }
}

/// The number of a control message SO_RXQ_OVFL (socket(7)), if there is one.
fn dropped(control: &[u8]) -> Option<u32> {
    let level = i32::from_ne_bytes(*control.get(8..)?.first_chunk()?);
    let kind = i32::from_ne_bytes(*control.get(12..)?.first_chunk()?);
    let number = u32::from_ne_bytes(*control.get(CONTROL_DATA..)?.first_chunk()?);
    (level == libc::SOL_SOCKET && kind == libc::SO_RXQ_OVFL).then_some(number)
}
