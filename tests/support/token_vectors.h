// Keys and tokens that other implementations made: those of the RFCs, and one token an algorithm by
// PyJWT 2.6.0 (Debian's python3-jwt) over python3-cryptography 38.0.4, with the flawed ones that
// attackers would try. All private keys have been thrown away.
#pragma once

#include <string_view>

namespace veilwire::test_tokens {

// RFC 7515, A.1 (HS256), A.2 (RS256), A.3 (ES256), A.5 (none).
inline constexpr std::string_view kRfc7515A1 =
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0d"
    "HA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
inline constexpr std::string_view kRfc7515A2 =
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvb"
    "S9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4B"
    "h-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBA"
    "rLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1p"
    "hCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
inline constexpr std::string_view kRfc7515A2Modulus =
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4"
    "QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdb"
    "BYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-D"
    "WNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
inline constexpr std::string_view kRfc7515A3 =
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvb"
    "S9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKT"
    "UJqPP3-Kg6NU1Q";
inline constexpr std::string_view kRfc7515A3X = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
inline constexpr std::string_view kRfc7515A3Y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
inline constexpr std::string_view kRfc7515A5 =
    "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS"
    "9pc19yb290Ijp0cnVlfQ.";

// RFC 7520, 3.3 (the key), 4.1 (RS256), 4.2 (PS384), 4.3 (ES512). Their payload is plain text.
inline constexpr std::string_view kRfc7520Modulus =
    "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCp"
    "MaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd"
    "1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKn"
    "S2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw";
inline constexpr std::string_view kRfc7520Rs256 =
    "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb"
    "3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGl"
    "mIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3Z"
    "XB0IG9mZiB0by4.MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQ"
    "x996ivp83xuglII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrU"
    "CTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12pod"
    "GU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg";
inline constexpr std::string_view kRfc7520Ps384 =
    "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb"
    "3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGl"
    "mIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3Z"
    "XB0IG9mZiB0by4.cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqs"
    "GqDqHCdP6O8TTB5dDDItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442Zd"
    "NqiVJRmBqrYRXe8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aCN_2_jLA"
    "eQTlqRHtfa64QQSUmFAAjVKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw";
inline constexpr std::string_view kRfc7520Es512 =
    "eyJhbGciOiJFUzUxMiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb"
    "3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGl"
    "mIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3Z"
    "XB0IG9mZiB0by4.AE_R_YZCChjn4791jSQCrdPZCNYqHXCTZH0-JZGYNlaAjP2kqaluUIIUnC9qvbu9Plon7KRTzoNEuT4"
    "Va2cmL1eJAQy3mtPBu_u_sDDyYjnAMDxXPn7XrT0lw-kvAD890jl8e2puQens_IEKBpHABlsbEPX6sFY8OcGDqoRuBomu9"
    "xQ2";

// RFC 8037, A.2 (the key), A.4 (EdDSA).
inline constexpr std::string_view kRfc8037X = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
inline constexpr std::string_view kRfc8037A4 =
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3"
    "AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

// The keys of the tokens below, by the kid that these name. Exponents are AQAB.
inline constexpr std::string_view kRsaModulus =
    "zJxumgYnu-XXweyBsK73Ry6K74dlUXJmYtzDEJ1N3Tv7zMVoeKwJtfPTCjnm0wveKtB_cIm86ULIvzlscZs-BXgWAYl0e-"
    "8orDPitHnR9GynXwgXPZnRJTad-ylGZynms1tXFRyeyn710eq-czUCfcb6tM4Vjuhiclk1vBdcMZr3iFj-hC8ArPQ4Y70H"
    "sj0mbyRO6drJg2U3OuQCHF6wg9E87UEARoIppCAHZLrDbfWfsjXyPLR4T5V8RHoFZNKhErbfOAKVpkAkYVoWxFVS5ySsAs"
    "0zw5y_CCkzODwhvhTvNAyH_3P0yJzcP3UiT1A-I3YTnGyBTLDsHpn3TEWk4w";
inline constexpr std::string_view kP256X = "QaCmIZjejMFgFGGTjmLSaFSGz3Ug4KBdEloFiYu78RI";
inline constexpr std::string_view kP256Y = "hHSPkRaVIa0jsMiymmx9YaPXvjUYyVQTZAWa_B2WT6s";
inline constexpr std::string_view kP384X =
    "ruig6ap1iVr-H12Z4GxJ6xa7wCQDmED0oJSmgZ_YGmLKCorbHNkc0lfbMYCT5o5D";
inline constexpr std::string_view kP384Y =
    "gedj1kTUyPYrPDLZh-JGgxP3Ig_RDyYJCPBox_9j_OmFIjj6TxQZdNGeiRBA-6OI";
inline constexpr std::string_view kEd25519X = "b2hQMAti72b87jl6CxEadQEELur2-jfpiQ0JS6mtZYw";
inline constexpr std::string_view kRsa1024Modulus =
    "xtAH4Yrtzlegexyo31ez1BI_oMVWU0b6PKD3XFUpcfyu-9vFYz3Dh1GE2rvp0jnWYybUoSdPam5nkm1DsEm9GO3WQGsoXH"
    "X1i1-6AFkyt6xSqbbn1A6Z1UT3Gun2sFMApFvxytyydhp5lgvM6AvmWdnVYlbi0fvJhnWpyJkNq6k";

// {"iss":"https://idp.example","sub":"248289761001","aud":"veilwire","exp":1800000600,
//  "iat":1800000000,"nonce":"n-0S6_WzA2Mj","groups":["staff","developers"],
//  "email":"ann@example.com","email_verified":true}
inline constexpr std::string_view kRs256 =
    "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIiwic"
    "3ViIjoiMjQ4Mjg5NzYxMDAxIiwiYXVkIjoidmVpbHdpcmUiLCJleHAiOjE4MDAwMDA2MDAsImlhdCI6MTgwMDAwMDAwMCw"
    "ibm9uY2UiOiJuLTBTNl9XekEyTWoiLCJncm91cHMiOlsic3RhZmYiLCJkZXZlbG9wZXJzIl0sImVtYWlsIjoiYW5uQGV4Y"
    "W1wbGUuY29tIiwiZW1haWxfdmVyaWZpZWQiOnRydWV9.JbFw6zV62-igyCkaTKOEfe5DKyiJ1USfKqxA_5oXAtItTNYLW2"
    "sAt0-axmCc2zB_f6UI7Hba9FZVz6VTd2pIur2fjjacmGR6UdFnmjL7VyWRnwQ60lGU6JGMwfMbGbvfa6aYbuEysr5orlmW"
    "dYBR5Y9zd_XX3N2b-xyBSESebGR-4CYvk2-ozxk0rj5Sor00enm9rdYk8K8XdrrdfhLmFdE9liqsi0xz7N3P84NgMvISFr"
    "-NpPaU6N9zMZoxZHNAjRYkxAsvfcjzw2De4Ey80MdgTu80J7R16noNfi8I86dqUvDymAJIP3S94McoOOIffK1sNkyQk3lg"
    "tZVGI6GSuQ";
inline constexpr std::string_view kPs256 =
    "eyJhbGciOiJQUzI1NiIsImtpZCI6InJzYSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIiwic"
    "3ViIjoiMjQ4Mjg5NzYxMDAxIiwiYXVkIjoidmVpbHdpcmUiLCJleHAiOjE4MDAwMDA2MDAsImlhdCI6MTgwMDAwMDAwMCw"
    "ibm9uY2UiOiJuLTBTNl9XekEyTWoiLCJncm91cHMiOlsic3RhZmYiLCJkZXZlbG9wZXJzIl0sImVtYWlsIjoiYW5uQGV4Y"
    "W1wbGUuY29tIiwiZW1haWxfdmVyaWZpZWQiOnRydWV9.Fa9LfeWPlhVdKiWal-m6dQJjl6tegNUV3mH6j8WKUZpWdGIgqB"
    "VTpnxy8sD1syd6CHyO0zFY1EoI2k_UaNJbqAMa9sGUxsfIzoMYhsxff1HANHqBA8KCMSlichQcYo9DtvaRx65A-3IhTc5-"
    "kprYEcNt6c_F7kLZ-q8tc6w0rJ_zIVbu2AAhcFMPyXp-7XUAfkP-0S1r0Vo6SIkUT5E5J4UQZIOlEOap4-XriheUR_KCNc"
    "IIXQIVplKYDbmbKXiAXGFUkOJCTlwdFi8W7cy_8zrunwuCUEXpNpz2Iy7mewehQEooLT6OQjt8pD37OSDTT_DzVFhLvxtQ"
    "CYW2LSeiag";
inline constexpr std::string_view kEs256 =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6InAyNTYiLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIiw"
    "ic3ViIjoiMjQ4Mjg5NzYxMDAxIiwiYXVkIjoidmVpbHdpcmUiLCJleHAiOjE4MDAwMDA2MDAsImlhdCI6MTgwMDAwMDAwM"
    "Cwibm9uY2UiOiJuLTBTNl9XekEyTWoiLCJncm91cHMiOlsic3RhZmYiLCJkZXZlbG9wZXJzIl0sImVtYWlsIjoiYW5uQGV"
    "4YW1wbGUuY29tIiwiZW1haWxfdmVyaWZpZWQiOnRydWV9.uqqks24gtOtXO8z7C2Cu2X7TYukCawAQ01vSskFfG-RZp_a1"
    "xxyo-t24XXIdWqwr5Rk2vTxaMBVZbJJ5wkZO4A";
inline constexpr std::string_view kEs384 =
    "eyJhbGciOiJFUzM4NCIsImtpZCI6InAzODQiLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIiw"
    "ic3ViIjoiMjQ4Mjg5NzYxMDAxIiwiYXVkIjoidmVpbHdpcmUiLCJleHAiOjE4MDAwMDA2MDAsImlhdCI6MTgwMDAwMDAwM"
    "Cwibm9uY2UiOiJuLTBTNl9XekEyTWoiLCJncm91cHMiOlsic3RhZmYiLCJkZXZlbG9wZXJzIl0sImVtYWlsIjoiYW5uQGV"
    "4YW1wbGUuY29tIiwiZW1haWxfdmVyaWZpZWQiOnRydWV9.H6rMsomglF56JLWqh1V8BI76fNw4Q1YeluHa0-l6ao0CS4pn"
    "CDXy9hKlA-vcIgjzLB8Gkqbx2UlC0kk9i0QfdSpGdSaqIBMcIc44Hv0oLhziXHzgMFFdkdFFAcj8Hku2";
inline constexpr std::string_view kEdDsa =
    "eyJhbGciOiJFZERTQSIsImtpZCI6ImVkIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIiwic3"
    "ViIjoiMjQ4Mjg5NzYxMDAxIiwiYXVkIjoidmVpbHdpcmUiLCJleHAiOjE4MDAwMDA2MDAsImlhdCI6MTgwMDAwMDAwMCwi"
    "bm9uY2UiOiJuLTBTNl9XekEyTWoiLCJncm91cHMiOlsic3RhZmYiLCJkZXZlbG9wZXJzIl0sImVtYWlsIjoiYW5uQGV4YW"
    "1wbGUuY29tIiwiZW1haWxfdmVyaWZpZWQiOnRydWV9.r4RMb0nLRk3PKav9opvoJHNB5K2FbfLC5bTjJY9m-8PVl48Z_5u"
    "RixIw_lFrDcneEWA2bSi2zkLZ_BC2Oa8-DQ";
// A salt of 64 bytes.
inline constexpr std::string_view kPs256LongSalt =
    "eyJhbGciOiJQUzI1NiIsImtpZCI6InJzYSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIiwic"
    "3ViIjoiMjQ4Mjg5NzYxMDAxIiwiYXVkIjoidmVpbHdpcmUiLCJleHAiOjE4MDAwMDA2MDAsImlhdCI6MTgwMDAwMDAwMCw"
    "ibm9uY2UiOiJuLTBTNl9XekEyTWoiLCJncm91cHMiOlsic3RhZmYiLCJkZXZlbG9wZXJzIl0sImVtYWlsIjoiYW5uQGV4Y"
    "W1wbGUuY29tIiwiZW1haWxfdmVyaWZpZWQiOnRydWV9.EVqxCWv2FxiTTn03UAjO28fI3IQgsq7ZWpmEdSlBAM3wLDVquX"
    "U-kHy-DPus1s6--eqss6Rqcg-edii8aDzTI97uztFECn8Y14tlbR-QpDR91TCVeGrj3fwqLEGgdgpVZ9T-DuvqCtvm-8Q5"
    "96jM2VcqR15WyfifJuVRC133KkhHlDMRdkWpLjKuSvR401wRC0G24NM2qY90sqF5VVkFV1fb0T5AOui7HepTDlam7fnPkg"
    "Zlbxq1J3uRIEUepAE7Tj4KIjVccZhII2tghe8oPYUBFMlwyuvlqZTposLzEbCzIfv3Q5G7EydZoB995WSbuOZL5Ld4nO4w"
    "ykkDMpkr4g";
// The signature as ASN.1.
inline constexpr std::string_view kEs256Der =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6InAyNTYiLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIiw"
    "ic3ViIjoiMjQ4Mjg5NzYxMDAxIiwiYXVkIjoidmVpbHdpcmUiLCJleHAiOjE4MDAwMDA2MDAsImlhdCI6MTgwMDAwMDAwM"
    "Cwibm9uY2UiOiJuLTBTNl9XekEyTWoiLCJncm91cHMiOlsic3RhZmYiLCJkZXZlbG9wZXJzIl0sImVtYWlsIjoiYW5uQGV"
    "4YW1wbGUuY29tIiwiZW1haWxfdmVyaWZpZWQiOnRydWV9.MEYCIQCdpvazl_Qnqib_cKTPTrlN1oQEksP5EUjrYTb839w7"
    "NgIhAMDmqbU6ugEux5_86nSZZe54dpEn5oCbOGhTGbyctx-j";
// HMAC with the PEM of the RSA public key.
inline constexpr std::string_view kHs256OverPublicKey =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InJzYSJ9.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIiwic"
    "3ViIjoiMjQ4Mjg5NzYxMDAxIiwiYXVkIjoidmVpbHdpcmUiLCJleHAiOjE4MDAwMDA2MDAsImlhdCI6MTgwMDAwMDAwMCw"
    "ibm9uY2UiOiJuLTBTNl9XekEyTWoiLCJncm91cHMiOlsic3RhZmYiLCJkZXZlbG9wZXJzIl0sImVtYWlsIjoiYW5uQGV4Y"
    "W1wbGUuY29tIiwiZW1haWxfdmVyaWZpZWQiOnRydWV9.ha-_fumdj4tHR2sVYGNEaZ2DPHz81P6mIkydhYztUSw";
// Signed with a key of 1024 bits.
inline constexpr std::string_view kRsa1024 =
    "eyJhbGciOiJSUzI1NiIsImtpZCI6InNtYWxsIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIi"
    "wic3ViIjoiMjQ4Mjg5NzYxMDAxIiwiYXVkIjoidmVpbHdpcmUiLCJleHAiOjE4MDAwMDA2MDAsImlhdCI6MTgwMDAwMDAw"
    "MCwibm9uY2UiOiJuLTBTNl9XekEyTWoiLCJncm91cHMiOlsic3RhZmYiLCJkZXZlbG9wZXJzIl0sImVtYWlsIjoiYW5uQG"
    "V4YW1wbGUuY29tIiwiZW1haWxfdmVyaWZpZWQiOnRydWV9.WFPhgl060fOIROD-h7gfEm8OmM6SxH56-EdlQ1lQ7Ewu7o8"
    "uY8zCfYqQOp05103p4rmHGcJpnja4PZnsctcuUzGkmcQHEZUgH_8sGsyLj8p2elPK_brsy7CDAw0zJEYUlreLD8Nv7GBhs"
    "MB78eTEk5wFZI5ikSJgIO591hzf1os";

}  // namespace veilwire::test_tokens
