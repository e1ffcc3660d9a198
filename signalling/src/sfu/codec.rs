//! The codecs of pictures, and what forwarding needs to know of one packet, whatever its codec.

/// A codec that is negotiated and forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// VP8 (RFC 7741): every browser has it.
    Vp8,
    /// VP9, profile 0 (RFC 9628).
    Vp9,
    /// AV1, main profile (the AV1 RTP specification of the Alliance for Open Media).
    Av1,
    /// H.264, constrained baseline, packetization mode 1 (RFC 6184).
    H264,
}

impl Codec {
    /// How many there are.
    pub const COUNT: usize = 4;
    /// All of them, in the order in which answers name them: a browser sends the first that it has.
    pub const ALL: [Self; Self::COUNT] = [Self::Vp8, Self::Vp9, Self::Av1, Self::H264];
}

/// A set of codecs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Codecs(u8);

impl Codecs {
    /// Every codec.
    pub const ALL: Self = Self((1 << Codec::COUNT) - 1);

    /// Adds a codec.
    pub fn insert(&mut self, codec: Codec) {
        self.0 |= 1 << codec as u8;
    }

    /// Whether a codec is in the set.
    pub fn has(self, codec: Codec) -> bool {
        self.0 & 1 << codec as u8 != 0
    }

    /// What is in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl FromIterator<Codec> for Codecs {
    fn from_iter<I: IntoIterator<Item = Codec>>(codecs: I) -> Self {
        let mut set = Self::default();
        codecs.into_iter().for_each(|codec| set.insert(codec));
        set
    }
}

/// Spatial layers told apart in one stream.
pub const SPATIAL_MAX: usize = 3;

/// Temporal layers told apart; what lies above counts as the highest.
pub const TEMPORAL_MAX: usize = 4;

/// A number that runs from picture to picture, and the bits that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    /// The number.
    pub id: u16,
    /// The largest that fits: `0x7f`, `0x7fff` or `0xffff`.
    pub mask: u16,
}

/// What one packet of a picture says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coded {
    /// In which codec it is.
    pub codec: Codec,
    /// Picture number: of VP8 and VP9 in the payload, of AV1 the frame number of the dependency descriptor.
    pub number: Option<Number>,
    /// Number of the last base-layer picture, of VP8 and VP9.
    pub tl0_pic_idx: Option<u8>,
    /// First packet of a picture at which a decoder can begin.
    pub key_frame: bool,
    /// Widths in pixels of the spatial layers, as far as this packet tells; 0 for unknown.
    pub widths: [u16; SPATIAL_MAX],
    /// Its place among the spatial layers of a stream that has them in it (SVC).
    pub spatial: Option<Spatial>,
    /// Its place among the temporal layers, in a stream that has them.
    pub temporal: Option<Temporal>,
}

impl Coded {
    /// A packet that says nothing but its codec.
    pub const fn new(codec: Codec) -> Self {
        Self {
            codec,
            number: None,
            tl0_pic_idx: None,
            key_frame: false,
            widths: [0; SPATIAL_MAX],
            spatial: None,
            temporal: None,
        }
    }
}

/// One layer's part of a picture in a stream with spatial layers. Lower ones never need higher ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spatial {
    /// The lowest layer for which the packet is needed.
    pub layer: u8,
    /// First packet of the layer's part.
    pub starts: bool,
    /// Last packet of the layer's part.
    pub ends: bool,
    /// Needs nothing but lower layers of the same picture: the layer can be added here.
    pub fresh: bool,
}

/// A picture in a stream with temporal layers: layers of the frame rate. Lower ones never need higher ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Temporal {
    /// The lowest layer for which the picture is needed, below [`TEMPORAL_MAX`].
    pub layer: u8,
    /// First packet of the picture.
    pub starts: bool,
    /// Needs nothing but pictures of the lowest layer: who has had all layers below can add this one here.
    pub sync: bool,
    /// Who has had this picture's layer can take all up to this one from here on.
    pub opens: u8,
}

impl Temporal {
    /// A picture of a layer, of which nothing else is known. Layers beyond [`TEMPORAL_MAX`] count as the highest.
    pub const fn of(layer: u8, starts: bool) -> Self {
        let highest = TEMPORAL_MAX as u8 - 1;
        let layer = if layer < highest { layer } else { highest };
        Self {
            layer,
            starts,
            sync: false,
            opens: layer,
        }
    }
}
