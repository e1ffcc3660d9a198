//! Small pictures of pictures, encoded anew: what a decoder did not understand is not passed on, and neither is
//! where a photo was taken.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, RgbImage};
use protocol::model::Preview;

/// Largest picture that gets a preview, in bytes.
pub(super) const SOURCE_BYTES_MAX: u64 = 40 * 1_024 * 1_024;
/// Most pixels of a picture, checked before decoding (40 megapixels).
const PIXELS_MAX: u64 = 40_000_000;
/// Memory that a decoder may take, in bytes.
const DECODER_BYTES_MAX: u64 = 256 * 1_024 * 1_024;
/// Longer side of a preview, in pixels.
const SIDE_MAX: u32 = 1_280;
const JPEG_QUALITY: u8 = 80;
/// Side of a room's picture, in pixels: three times what the largest one takes on a page.
const SQUARE_SIDE: u32 = 192;

/// Whether previews are made of this kind.
pub(super) fn is_picture(mime: &str) -> bool {
    matches!(
        mime,
        "image/jpeg" | "image/png" | "image/webp" | "image/gif"
    )
}

/// A JPEG of at most [`SIDE_MAX`] pixels a side, upright, on white, and its size.
pub(super) fn make(bytes: &[u8]) -> Result<(Vec<u8>, Preview), ImageError> {
    let picture = read(bytes, |picture, width, height| {
        if width > SIDE_MAX || height > SIDE_MAX {
            picture.thumbnail(SIDE_MAX, SIDE_MAX)
        } else {
            picture
        }
    })?;
    let preview = Preview {
        w: picture.width(),
        h: picture.height(),
    };
    Ok((jpeg(&picture)?, preview))
}

/// A JPEG of the middle of a picture: as many pixels wide as high, upright, on white.
pub(super) fn square(bytes: &[u8]) -> Result<Vec<u8>, ImageError> {
    let picture = read(bytes, |picture, width, height| {
        // Cut before it is made another size: a line of many pixels would become as many of them wide.
        let side = width.min(height);
        picture
            .crop_imm((width - side) / 2, (height - side) / 2, side, side)
            .resize_exact(SQUARE_SIDE, SQUARE_SIDE, FilterType::Triangle)
    })?;
    jpeg(&picture)
}

fn jpeg(picture: &RgbImage) -> Result<Vec<u8>, ImageError> {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY).encode_image(picture)?;
    Ok(jpeg)
}

// Made smaller before it is turned and put on white, which take as long as it is large.
fn read(
    bytes: &[u8],
    smaller: impl FnOnce(DynamicImage, u32, u32) -> DynamicImage,
) -> Result<RgbImage, ImageError> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(DECODER_BYTES_MAX);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > PIXELS_MAX {
        let kind = image::error::LimitErrorKind::DimensionError;
        return Err(ImageError::Limits(image::error::LimitError::from_kind(
            kind,
        )));
    }
    let orientation = decoder.orientation()?;
    let mut picture = smaller(DynamicImage::from_decoder(decoder)?, width, height);
    picture.apply_orientation(orientation);
    Ok(on_white(&picture))
}

fn on_white(picture: &DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.to_rgb8();
    }
    let mut white =
        image::RgbaImage::from_pixel(picture.width(), picture.height(), image::Rgba([255; 4]));
    image::imageops::overlay(&mut white, &picture.to_rgba8(), 0, 0);
    DynamicImage::ImageRgba8(white).to_rgb8()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::new_rgba8(width, height)
            .write_to(&mut bytes, image::ImageFormat::Png)
            .unwrap();
        bytes.into_inner()
    }

    #[test]
    fn a_large_picture_becomes_small_and_opaque() {
        let (jpeg, size) = make(&png(2_560, 640)).unwrap();
        assert_eq!((size.w, size.h), (1_280, 320));
        let preview = image::load_from_memory(&jpeg).unwrap().to_rgb8();
        assert!(
            preview.get_pixel(5, 5).0.iter().all(|c| *c > 250),
            "transparent is shown on white"
        );
    }

    /// A JPEG of 48 × 32 pixels, white but for a red quarter at the top left as it is stored, with an EXIF orientation.
    fn turned(orientation: u8) -> Vec<u8> {
        let mut picture = RgbImage::from_pixel(48, 32, image::Rgb([255; 3]));
        for (x, y) in (0..24).flat_map(|x| (0..16).map(move |y| (x, y))) {
            picture.put_pixel(x, y, image::Rgb([220, 0, 0]));
        }
        let mut jpeg = Vec::new();
        JpegEncoder::new_with_quality(&mut jpeg, 95)
            .encode_image(&picture)
            .unwrap();
        // TIFF 6.0, big-endian, with one entry: tag 0x0112, SHORT, one value.
        let mut exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
        let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
        let mut bytes = jpeg[..2].to_vec();
        bytes.extend([0xff, 0xe1, length[0], length[1]]);
        bytes.extend(exif);
        bytes.extend(&jpeg[2..]);
        bytes
    }

    /// EXIF 2.32 §4.6.4.A: which corner of what is seen the first stored pixel is.
    #[test]
    fn a_photo_is_upright_however_it_was_held() {
        for (orientation, right, bottom, on_its_side) in [
            (1, false, false, false),
            (2, true, false, false),
            (3, true, true, false),
            (4, false, true, false),
            (5, false, false, true),
            (6, true, false, true),
            (7, true, true, true),
            (8, false, true, true),
        ] {
            let (jpeg, size) = make(&turned(orientation)).unwrap();
            let (w, h) = if on_its_side { (32, 48) } else { (48, 32) };
            assert_eq!((size.w, size.h), (w, h), "orientation {orientation}");
            let seen = image::load_from_memory(&jpeg).unwrap().to_rgb8();
            for (x, y) in [(false, false), (true, false), (false, true), (true, true)] {
                let at = |far: bool, side: u32| if far { side - 5 } else { 4 };
                let is_red = seen.get_pixel(at(x, w), at(y, h)).0[1] < 128;
                let expected = (x, y) == (right, bottom);
                assert_eq!(
                    is_red, expected,
                    "orientation {orientation}, corner {x} {y}"
                );
            }
        }
    }

    #[test]
    fn a_line_becomes_a_square_of_its_middle() {
        for (width, height) in [(60_000, 1), (1, 60_000), (3, 5), (300, 200)] {
            let jpeg = square(&png(width, height)).unwrap();
            let square = image::load_from_memory(&jpeg).unwrap();
            assert_eq!((square.width(), square.height()), (192, 192));
        }
    }

    #[test]
    fn bombs_and_rubbish_are_refused() {
        // 30,000 × 30,000 pixels in a header without data.
        let mut bomb = png(1, 1);
        bomb[16..24].copy_from_slice(&[0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30]);
        assert!(make(&bomb).is_err());
        assert!(make(b"\xff\xd8\xff\xe0 not a picture").is_err());
        let whole = png(64, 64);
        assert!(make(&whole[..whole.len() / 2]).is_err());
    }
}
