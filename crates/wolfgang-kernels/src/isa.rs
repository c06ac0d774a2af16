//! Detection of instruction sets, and dispatch of kernels.

use crate::format::Format;
#[cfg(all(target_arch = "x86_64", not(miri)))]
use crate::simd::amx::{self, Amx};
#[cfg(target_arch = "x86_64")]
use crate::simd::avx2::{Avx2, Avx2Vnni};
#[cfg(target_arch = "x86_64")]
use crate::simd::avx512::{Avx512, Avx512Dot, Avx512Vnni};
#[cfg(target_arch = "aarch64")]
use crate::simd::neon::{Neon, NeonDot};
use crate::simd::{Simd, portable::Portable};

/// An instruction set (ISA) that this processor supports.
#[derive(Clone, Copy, Debug)]
pub struct Isa(Kind);

#[derive(Clone, Copy, Debug)]
enum Kind {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    Amx(Avx512Vnni, Amx),
    #[cfg(target_arch = "x86_64")]
    Avx512Dot(Avx512Dot),
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni(Avx512Vnni),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    #[cfg(target_arch = "x86_64")]
    Avx2Vnni(Avx2Vnni),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "aarch64")]
    NeonDot(NeonDot),
    #[cfg(target_arch = "aarch64")]
    Neon(Neon),
    Portable(Portable),
}

impl Isa {
    /// Returns the fastest instruction set of this processor.
    pub fn best() -> Self {
        let all = Self::all();
        all.first()
            .copied()
            .unwrap_or(Self(Kind::Portable(Portable)))
    }

    /// Returns all supported instruction sets of this processor, fastest first.
    pub fn all() -> Vec<Self> {
        // Slowest first; reversed below.
        let mut all = vec![Self(Kind::Portable(Portable))];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
                && is_x86_feature_detected!("f16c")
            {
                // SAFETY: detected above.
                all.push(Self(Kind::Avx2(unsafe { Avx2::assume() })));
                if is_x86_feature_detected!("avxvnni") {
                    // SAFETY: detected above.
                    all.push(Self(Kind::Avx2Vnni(unsafe { Avx2Vnni::assume() })));
                }
            }
            let avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            if avx512 {
                // SAFETY: detected above.
                all.push(Self(Kind::Avx512(unsafe { Avx512::assume() })));
            }
            if avx512 && is_x86_feature_detected!("avx512vnni") {
                // SAFETY: detected above.
                let vnni = unsafe { Avx512Vnni::assume() };
                let mut with_dots = vec![Self(Kind::Avx512Vnni(vnni))];
                if is_x86_feature_detected!("avx512bf16") {
                    // SAFETY: detected above.
                    with_dots.push(Self(Kind::Avx512Dot(unsafe { Avx512Dot::assume() })));
                }
                // On Intel's processors VDPBF16PS has half the rate of a multiply-add in f32, on
                // AMD's twice that.
                if is_intel() {
                    with_dots.reverse();
                }
                all.extend(with_dots);
                #[cfg(not(miri))]
                if let Some(amx) = Amx::request() {
                    all.push(Self(Kind::Amx(vnni, amx)));
                }
            }
        }
        #[cfg(target_arch = "aarch64")]
        {
            all.push(Self(Kind::Neon(Neon)));
            if std::arch::is_aarch64_feature_detected!("dotprod") {
                // SAFETY: detected above.
                all.push(Self(Kind::NeonDot(unsafe { NeonDot::assume() })));
            }
        }
        all.reverse();
        all
    }

    /// Returns the name: `amx-avx512-vnni`, `avx512-bf16-vnni`, `avx512-vnni`, `avx512`,
    /// `avx2-vnni`, `avx2`, `neon-dotprod`, `neon`, `portable`.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(all(target_arch = "x86_64", not(miri)))]
            Kind::Amx(..) => "amx-avx512-vnni",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512Dot(_) => "avx512-bf16-vnni",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512Vnni(_) => "avx512-vnni",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2Vnni(_) => "avx2-vnni",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(_) => "avx2",
            #[cfg(target_arch = "aarch64")]
            Kind::NeonDot(_) => "neon-dotprod",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon(_) => "neon",
            Kind::Portable(_) => "portable",
        }
    }

    /// AMX, if products of this format and number of rows use it.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    pub(crate) fn amx(self, format: Format, rows: usize) -> Option<Amx> {
        match self.0 {
            Kind::Amx(_, amx) if format == Format::Int8 && rows >= amx::MIN_ROWS => Some(amx),
            _ => None,
        }
    }

    /// Whether products of this format and number of rows need activations in the layout of tile
    /// registers: row by row within a quantisation block.
    #[cfg_attr(
        not(all(target_arch = "x86_64", not(miri))),
        expect(unused_variables, reason = "only x86-64 has tile registers")
    )]
    pub(crate) fn has_tile_registers(self, format: Format, rows: usize) -> bool {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        return self.amx(format, rows).is_some();
        #[cfg(not(all(target_arch = "x86_64", not(miri))))]
        return false;
    }

    /// Maximum number of rows of a tile: those that a product of this format and number of rows
    /// computes at once.
    #[cfg_attr(
        not(all(target_arch = "x86_64", not(miri))),
        expect(unused_variables, reason = "only x86-64 has tile registers")
    )]
    pub(crate) fn max_tile_rows(self, format: Format, rows: usize) -> usize {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        if self.amx(format, rows).is_some() {
            return amx::MAX_ROWS;
        }
        struct MaxTileRows(Format);
        impl Kernel for MaxTileRows {
            type Out = usize;
            #[inline(always)]
            fn run<S: Simd>(self, _: S) -> usize {
                match self.0 {
                    Format::F32 | Format::F16 => S::ROWS,
                    Format::Bf16 => S::ROWS_BF16,
                    Format::Int8 | Format::Int4 => S::ROWS_I8,
                }
            }
        }
        self.run(MaxTileRows(format))
    }

    /// Whether weights and activations of this format are multiplied as they are stored. If not,
    /// bf16 are multiplied as f32 and int8 as 16-bit integers.
    pub(crate) fn has_dot_product(self, format: Format) -> bool {
        struct HasDotProduct(Format);
        impl Kernel for HasDotProduct {
            type Out = bool;
            #[inline(always)]
            fn run<S: Simd>(self, _: S) -> bool {
                match self.0 {
                    Format::F32 | Format::F16 | Format::Int4 => true,
                    Format::Bf16 => S::DOTS_BF16,
                    Format::Int8 => S::DOTS_I8,
                }
            }
        }
        self.run(HasDotProduct(format))
    }

    /// Runs a kernel, compiled for this instruction set.
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Out {
        match self.0 {
            #[cfg(all(target_arch = "x86_64", not(miri)))]
            // SAFETY: a value of this type exists only if the processor has the instructions.
            Kind::Amx(simd, _) => unsafe { avx512_vnni(simd, kernel) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Kind::Avx512Dot(simd) => unsafe { avx512_dot(simd, kernel) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Kind::Avx512Vnni(simd) => unsafe { avx512_vnni(simd, kernel) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Kind::Avx512(simd) => unsafe { avx512(simd, kernel) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Kind::Avx2Vnni(simd) => unsafe { avx2_vnni(simd, kernel) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Kind::Avx2(simd) => unsafe { avx2(simd, kernel) },
            #[cfg(target_arch = "aarch64")]
            // SAFETY: as above.
            Kind::NeonDot(simd) => unsafe { neon_dot(simd, kernel) },
            #[cfg(target_arch = "aarch64")]
            Kind::Neon(simd) => kernel.run(simd),
            Kind::Portable(simd) => kernel.run(simd),
        }
    }
}

/// Whether Intel made this processor.
#[cfg(target_arch = "x86_64")]
fn is_intel() -> bool {
    let vendor = std::arch::x86_64::__cpuid(0);
    let name = [vendor.ebx, vendor.edx, vendor.ecx].map(u32::to_le_bytes);
    name.as_flattened() == b"GenuineIntel"
}

/// A function that is compiled for each instruction set. `run` and all functions that it calls must
/// be inlined: a function that is not inlined is compiled for the baseline of the target.
pub(crate) trait Kernel {
    type Out;
    fn run<S: Simd>(self, simd: S) -> Self::Out;
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx512vnni,avx2,fma,f16c")]
fn avx512_dot<K: Kernel>(simd: Avx512Dot, kernel: K) -> K::Out {
    kernel.run(simd)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c")]
fn avx512_vnni<K: Kernel>(simd: Avx512Vnni, kernel: K) -> K::Out {
    kernel.run(simd)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
fn avx512<K: Kernel>(simd: Avx512, kernel: K) -> K::Out {
    kernel.run(simd)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c")]
fn avx2<K: Kernel>(simd: Avx2, kernel: K) -> K::Out {
    kernel.run(simd)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,avxvnni,fma,f16c")]
fn avx2_vnni<K: Kernel>(simd: Avx2Vnni, kernel: K) -> K::Out {
    kernel.run(simd)
}

#[cfg(target_arch = "aarch64")]
#[target_feature(enable = "dotprod")]
fn neon_dot<K: Kernel>(simd: NeonDot, kernel: K) -> K::Out {
    kernel.run(simd)
}
