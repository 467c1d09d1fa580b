# SPDX-License-Identifier: Apache-2.0
package risk

import future.keywords.in

default allow = false
default deny = false

reasons[r] {
    startswith(input.user.email, "x")
    input.user.age_days < 1402
    r := {"id": "R0000_pre", "w": 9}
}

reasons[r] {
    input.user.credit_score <= 508
    input.velocity.count_1h > 3
    r := {"id": "R0001_thr", "w": 20}
}

reasons[r] {
    input.velocity.count_24h >= 82
    input.user.age_days < 1809
    r := {"id": "R0002_thr", "w": 11}
}

reasons[r] {
    input.user.credit_score > 756
    input.velocity.count_24h > 112
    input.transaction.type == "card"
    r := {"id": "R0003_thr", "w": 12}
}

reasons[r] {
    some i
    input.history[i].amount > 12732
    input.history[i].country != input.location.country
    r := {"id": "R0004_iter", "w": 17}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 606
    r := {"id": "R0005_mem", "w": 12}
}

reasons[r] {
    startswith(input.user.email, "a")
    input.user.age_days < 1329
    r := {"id": "R0006_pre", "w": 8}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 4154
    r := {"id": "R0007_mem", "w": 12}
}

reasons[r] {
    input.user.age_days < 678
    input.user.failed_logins < 7
    r := {"id": "R0008_thr", "w": 2}
}

reasons[r] {
    input.device.age_days > 771
    input.velocity.count_1h < 25
    r := {"id": "R0009_thr", "w": 15}
}

reasons[r] {
    startswith(input.device.user_agent, "Dalvik/")
    input.user.age_days < 825
    r := {"id": "R0010_pre", "w": 19}
}

reasons[r] {
    input.velocity.count_1h < 21
    input.user.credit_score > 477
    r := {"id": "R0011_thr", "w": 16}
}

reasons[r] {
    some i
    input.history[i].amount > 19768
    input.history[i].country != input.location.country
    r := {"id": "R0012_iter", "w": 16}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 1497]) >= 5
    r := {"id": "R0013_cnt", "w": 18}
}

reasons[r] {
    startswith(input.user.email, "test")
    input.user.age_days < 964
    r := {"id": "R0014_pre", "w": 7}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/4.")
    input.user.age_days < 942
    r := {"id": "R0015_pre", "w": 11}
}

reasons[r] {
    some t in input.tags
    t == "vpn"
    r := {"id": "R0016_iter", "w": 7}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 7437
    r := {"id": "R0017_mem", "w": 17}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 2276]) >= 8
    r := {"id": "R0018_cnt", "w": 9}
}

reasons[r] {
    input.velocity.amount_24h <= 49007
    input.user.age_days < 1320
    r := {"id": "R0019_thr", "w": 4}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 239]) >= 6
    r := {"id": "R0020_cnt", "w": 2}
}

reasons[r] {
    some t in input.tags
    t == "night"
    r := {"id": "R0021_iter", "w": 18}
}

reasons[r] {
    input.velocity.count_24h < 51
    input.velocity.amount_24h < 36797
    r := {"id": "R0022_thr", "w": 2}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 3439
    r := {"id": "R0023_mem", "w": 18}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 2060
    r := {"id": "R0024_iter", "w": 7}
}

reasons[r] {
    input.velocity.count_1h > 9
    input.user.credit_score < 543
    r := {"id": "R0025_thr", "w": 3}
}

reasons[r] {
    startswith(input.device.user_agent, "curl/")
    input.user.age_days < 553
    r := {"id": "R0026_pre", "w": 3}
}

reasons[r] {
    input.velocity.amount_24h <= 7747
    input.user.failed_logins > 11
    r := {"id": "R0027_thr", "w": 9}
}

reasons[r] {
    input.user.age_days > 1522
    input.velocity.amount_24h > 14660
    r := {"id": "R0028_thr", "w": 16}
}

reasons[r] {
    input.user.age_days < 486
    input.velocity.amount_24h > 16190
    r := {"id": "R0029_thr", "w": 1}
}

reasons[r] {
    input.transaction.amount < 14538
    input.velocity.amount_24h < 44246
    input.transaction.type == "ach"
    r := {"id": "R0030_thr", "w": 8}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 1924
    r := {"id": "R0031_iter", "w": 20}
}

reasons[r] {
    some i
    input.history[i].amount > 11771
    input.history[i].country != input.location.country
    r := {"id": "R0032_iter", "w": 4}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 7956
    r := {"id": "R0033_mem", "w": 2}
}

reasons[r] {
    input.merchant.mcc in {"5122", "5967", "6011", "7011"}
    input.transaction.amount > 7177
    r := {"id": "R0034_mem", "w": 11}
}

reasons[r] {
    input.velocity.amount_24h < 20841
    input.user.credit_score < 620
    input.transaction.type == "card"
    r := {"id": "R0035_thr", "w": 14}
}

reasons[r] {
    input.device.age_days < 900
    input.user.failed_logins > 11
    r := {"id": "R0036_thr", "w": 15}
}

reasons[r] {
    some t in input.tags
    t == "new_device"
    r := {"id": "R0037_iter", "w": 18}
}

reasons[r] {
    input.device.age_days >= 213
    input.user.age_days > 870
    r := {"id": "R0038_thr", "w": 13}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 4324]) >= 10
    r := {"id": "R0039_cnt", "w": 14}
}

reasons[r] {
    input.user.failed_logins < 7
    input.velocity.amount_24h > 50111
    r := {"id": "R0040_thr", "w": 15}
}

reasons[r] {
    startswith(input.device.user_agent, "Java/1.")
    input.user.age_days < 1141
    r := {"id": "R0041_pre", "w": 6}
}

reasons[r] {
    some t in input.tags
    t == "new_device"
    r := {"id": "R0042_iter", "w": 10}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 6325
    r := {"id": "R0043_mem", "w": 20}
}

reasons[r] {
    input.velocity.amount_24h <= 56404
    input.velocity.count_1h < 26
    r := {"id": "R0044_thr", "w": 11}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 6984
    r := {"id": "R0045_mem", "w": 3}
}

reasons[r] {
    some t in input.tags
    t == "vpn"
    r := {"id": "R0046_iter", "w": 9}
}

reasons[r] {
    input.merchant.mcc in {"5411", "5541", "5812", "6051"}
    input.transaction.amount > 2157
    r := {"id": "R0047_mem", "w": 17}
}

reasons[r] {
    input.device.age_days < 518
    input.user.credit_score > 638
    input.transaction.type == "crypto"
    r := {"id": "R0048_thr", "w": 7}
}

reasons[r] {
    startswith(input.user.email, "a")
    input.user.age_days < 210
    r := {"id": "R0049_pre", "w": 9}
}

reasons[r] {
    input.velocity.amount_24h <= 38959
    input.velocity.count_24h > 98
    r := {"id": "R0050_thr", "w": 4}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 1
    r := {"id": "R0051_cnt", "w": 8}
}

reasons[r] {
    input.velocity.count_24h <= 117
    input.transaction.amount > 14367
    r := {"id": "R0052_thr", "w": 10}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 1
    r := {"id": "R0053_cnt", "w": 18}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 7806
    r := {"id": "R0054_mem", "w": 5}
}

reasons[r] {
    input.user.failed_logins < 6
    input.user.credit_score < 425
    r := {"id": "R0055_thr", "w": 10}
}

reasons[r] {
    input.merchant.mcc in {"5912", "5944", "5967", "6011"}
    input.transaction.amount > 7833
    r := {"id": "R0056_mem", "w": 7}
}

reasons[r] {
    input.location.country in {"EG", "IN", "KE", "RU", "UA"}
    input.transaction.amount > 710
    r := {"id": "R0057_mem", "w": 3}
}

reasons[r] {
    input.merchant.mcc in {"5122", "5411", "5812", "6011"}
    input.transaction.amount > 1953
    r := {"id": "R0058_mem", "w": 9}
}

reasons[r] {
    input.velocity.count_1h <= 6
    input.device.age_days < 563
    input.transaction.type == "wire"
    r := {"id": "R0059_thr", "w": 19}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 2910
    r := {"id": "R0060_mem", "w": 12}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 4375
    r := {"id": "R0061_mem", "w": 17}
}

reasons[r] {
    input.device.age_days <= 324
    input.velocity.count_24h > 5
    r := {"id": "R0062_thr", "w": 9}
}

reasons[r] {
    startswith(input.device.user_agent, "Dalvik/")
    input.user.age_days < 1240
    r := {"id": "R0063_pre", "w": 16}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 4062
    r := {"id": "R0064_mem", "w": 9}
}

reasons[r] {
    input.user.age_days >= 1307
    input.user.failed_logins > 7
    r := {"id": "R0065_thr", "w": 3}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 2808
    r := {"id": "R0066_mem", "w": 9}
}

reasons[r] {
    input.location.country in {"EG", "GB", "MX", "PK", "TR"}
    input.transaction.amount > 5486
    r := {"id": "R0067_mem", "w": 1}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/4.")
    input.user.age_days < 141
    r := {"id": "R0068_pre", "w": 14}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 1940
    r := {"id": "R0069_mem", "w": 4}
}

reasons[r] {
    input.user.age_days >= 696
    input.transaction.amount < 17064
    r := {"id": "R0070_thr", "w": 6}
}

reasons[r] {
    input.user.failed_logins <= 9
    input.device.age_days > 480
    input.transaction.type == "wallet"
    r := {"id": "R0071_thr", "w": 19}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 1260
    r := {"id": "R0072_iter", "w": 4}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 5
    r := {"id": "R0073_cnt", "w": 3}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 1650
    r := {"id": "R0074_iter", "w": 20}
}

reasons[r] {
    input.user.credit_score < 621
    input.velocity.count_24h < 105
    input.transaction.type == "ach"
    r := {"id": "R0075_thr", "w": 8}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 3269]) >= 6
    r := {"id": "R0076_cnt", "w": 2}
}

reasons[r] {
    input.user.age_days >= 1175
    input.device.age_days < 238
    input.transaction.type == "card"
    r := {"id": "R0077_thr", "w": 14}
}

reasons[r] {
    some i
    input.history[i].amount > 10950
    input.history[i].country != input.location.country
    r := {"id": "R0078_iter", "w": 17}
}

reasons[r] {
    input.location.country in {"BR", "DE", "RU", "VN", "ZA"}
    input.transaction.amount > 4502
    r := {"id": "R0079_mem", "w": 18}
}

reasons[r] {
    input.user.credit_score < 606
    input.transaction.amount > 5241
    r := {"id": "R0080_thr", "w": 16}
}

reasons[r] {
    input.device.age_days < 314
    input.velocity.amount_24h > 1244
    r := {"id": "R0081_thr", "w": 19}
}

reasons[r] {
    input.velocity.amount_24h < 896
    input.transaction.amount < 1117
    r := {"id": "R0082_thr", "w": 20}
}

reasons[r] {
    some t in input.tags
    t == "night"
    r := {"id": "R0083_iter", "w": 3}
}

reasons[r] {
    startswith(input.device.user_agent, "Java/1.")
    input.user.age_days < 550
    r := {"id": "R0084_pre", "w": 10}
}

reasons[r] {
    startswith(input.device.user_agent, "python-requests/")
    input.user.age_days < 199
    r := {"id": "R0085_pre", "w": 15}
}

reasons[r] {
    input.velocity.amount_24h >= 52772
    input.velocity.count_24h > 109
    input.transaction.type == "crypto"
    r := {"id": "R0086_thr", "w": 15}
}

reasons[r] {
    input.device.age_days <= 133
    input.velocity.count_1h > 8
    input.transaction.type == "wallet"
    r := {"id": "R0087_thr", "w": 4}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 1937]) >= 9
    r := {"id": "R0088_cnt", "w": 7}
}

reasons[r] {
    input.velocity.amount_24h <= 4888
    input.velocity.count_1h < 3
    r := {"id": "R0089_thr", "w": 15}
}

reasons[r] {
    input.transaction.amount <= 8525
    input.velocity.count_1h > 27
    input.transaction.type == "crypto"
    r := {"id": "R0090_thr", "w": 1}
}

reasons[r] {
    input.transaction.amount < 9131
    input.velocity.count_24h < 31
    r := {"id": "R0091_thr", "w": 8}
}

reasons[r] {
    input.user.age_days <= 1319
    input.user.failed_logins > 1
    r := {"id": "R0092_thr", "w": 5}
}

reasons[r] {
    input.velocity.amount_24h <= 53798
    input.user.credit_score < 648
    r := {"id": "R0093_thr", "w": 17}
}

reasons[r] {
    input.merchant.mcc in {"4829", "5122", "5812", "7011"}
    input.transaction.amount > 5123
    r := {"id": "R0094_mem", "w": 1}
}

reasons[r] {
    input.location.country in {"BR", "CN", "ID", "NG", "PH"}
    input.transaction.amount > 2349
    r := {"id": "R0095_mem", "w": 4}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 547
    r := {"id": "R0096_mem", "w": 2}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 4282
    r := {"id": "R0097_iter", "w": 17}
}

reasons[r] {
    input.user.failed_logins >= 4
    input.device.age_days > 799
    input.transaction.type == "crypto"
    r := {"id": "R0098_thr", "w": 3}
}

reasons[r] {
    some t in input.tags
    t == "gift_card"
    r := {"id": "R0099_iter", "w": 9}
}

reasons[r] {
    some i
    input.history[i].amount > 5392
    input.history[i].country != input.location.country
    r := {"id": "R0100_iter", "w": 4}
}

reasons[r] {
    startswith(input.user.email, "a")
    input.user.age_days < 1226
    r := {"id": "R0101_pre", "w": 9}
}

reasons[r] {
    input.device.age_days <= 246
    input.velocity.count_1h > 7
    input.transaction.type == "ach"
    r := {"id": "R0102_thr", "w": 18}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 4
    r := {"id": "R0103_cnt", "w": 4}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 6
    r := {"id": "R0104_cnt", "w": 20}
}

reasons[r] {
    input.location.country in {"FR", "GB", "MX", "RO", "ZA"}
    input.transaction.amount > 3593
    r := {"id": "R0105_mem", "w": 19}
}

reasons[r] {
    input.user.age_days >= 155
    input.device.age_days < 707
    r := {"id": "R0106_thr", "w": 1}
}

reasons[r] {
    some t in input.tags
    t == "gift_card"
    r := {"id": "R0107_iter", "w": 3}
}

reasons[r] {
    input.velocity.count_24h > 88
    input.user.credit_score > 581
    r := {"id": "R0108_thr", "w": 15}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/5.0 (X11")
    input.user.age_days < 480
    r := {"id": "R0109_pre", "w": 3}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/4.")
    input.user.age_days < 655
    r := {"id": "R0110_pre", "w": 8}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 5089
    r := {"id": "R0111_iter", "w": 14}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 5
    r := {"id": "R0112_cnt", "w": 2}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 4
    r := {"id": "R0113_cnt", "w": 16}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 6
    r := {"id": "R0114_cnt", "w": 6}
}

reasons[r] {
    startswith(input.device.user_agent, "curl/")
    input.user.age_days < 1256
    r := {"id": "R0115_pre", "w": 4}
}

reasons[r] {
    startswith(input.device.user_agent, "python-requests/")
    input.user.age_days < 1028
    r := {"id": "R0116_pre", "w": 4}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/5.0 (Windows NT 5")
    input.user.age_days < 231
    r := {"id": "R0117_pre", "w": 4}
}

reasons[r] {
    input.merchant.mcc in {"5999", "6051", "7011", "7995"}
    input.transaction.amount > 1473
    r := {"id": "R0118_mem", "w": 8}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 390
    r := {"id": "R0119_mem", "w": 16}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 2216
    r := {"id": "R0120_mem", "w": 9}
}

reasons[r] {
    input.user.credit_score >= 753
    input.velocity.count_1h < 36
    r := {"id": "R0121_thr", "w": 8}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 1042
    r := {"id": "R0122_iter", "w": 10}
}

reasons[r] {
    input.user.credit_score < 547
    input.device.age_days > 732
    r := {"id": "R0123_thr", "w": 12}
}

reasons[r] {
    input.transaction.amount < 2566
    input.user.failed_logins < 4
    input.transaction.type == "wallet"
    r := {"id": "R0124_thr", "w": 18}
}

reasons[r] {
    input.device.age_days < 398
    input.velocity.count_1h > 10
    r := {"id": "R0125_thr", "w": 3}
}

reasons[r] {
    input.merchant.mcc in {"4511", "5967", "5999", "7995"}
    input.transaction.amount > 3338
    r := {"id": "R0126_mem", "w": 7}
}

reasons[r] {
    some i
    input.history[i].amount > 16695
    input.history[i].country != input.location.country
    r := {"id": "R0127_iter", "w": 9}
}

reasons[r] {
    input.transaction.amount > 4913
    input.device.age_days < 327
    r := {"id": "R0128_thr", "w": 15}
}

reasons[r] {
    startswith(input.device.user_agent, "curl/")
    input.user.age_days < 450
    r := {"id": "R0129_pre", "w": 6}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 4
    r := {"id": "R0130_cnt", "w": 20}
}

reasons[r] {
    startswith(input.user.email, "a")
    input.user.age_days < 306
    r := {"id": "R0131_pre", "w": 8}
}

reasons[r] {
    input.merchant.mcc in {"5122", "5732", "5967", "6011"}
    input.transaction.amount > 7140
    r := {"id": "R0132_mem", "w": 1}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 7571
    r := {"id": "R0133_iter", "w": 6}
}

reasons[r] {
    input.location.country in {"CN", "KE", "RO", "RU", "ZA"}
    input.transaction.amount > 1866
    r := {"id": "R0134_mem", "w": 7}
}

reasons[r] {
    input.user.age_days < 1669
    input.velocity.count_1h > 36
    input.transaction.type == "card"
    r := {"id": "R0135_thr", "w": 11}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 1231
    r := {"id": "R0136_mem", "w": 16}
}

reasons[r] {
    some i
    input.history[i].amount > 15164
    input.history[i].country != input.location.country
    r := {"id": "R0137_iter", "w": 19}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 6615
    r := {"id": "R0138_mem", "w": 4}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 4775
    r := {"id": "R0139_iter", "w": 8}
}

reasons[r] {
    input.user.failed_logins > 1
    input.transaction.amount > 8176
    r := {"id": "R0140_thr", "w": 19}
}

reasons[r] {
    startswith(input.user.email, "x")
    input.user.age_days < 54
    r := {"id": "R0141_pre", "w": 16}
}

reasons[r] {
    some i
    input.history[i].amount > 17819
    input.history[i].country != input.location.country
    r := {"id": "R0142_iter", "w": 13}
}

reasons[r] {
    some t in input.tags
    t == "tor"
    r := {"id": "R0143_iter", "w": 3}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 2250]) >= 5
    r := {"id": "R0144_cnt", "w": 13}
}

reasons[r] {
    input.user.credit_score > 471
    input.transaction.amount < 9541
    input.transaction.type == "wire"
    r := {"id": "R0145_thr", "w": 17}
}

reasons[r] {
    input.user.age_days > 933
    input.velocity.count_1h < 20
    r := {"id": "R0146_thr", "w": 9}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 1214]) >= 3
    r := {"id": "R0147_cnt", "w": 1}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 1
    r := {"id": "R0148_cnt", "w": 9}
}

reasons[r] {
    input.device.age_days > 324
    input.user.credit_score < 377
    r := {"id": "R0149_thr", "w": 4}
}

reasons[r] {
    input.velocity.amount_24h <= 33504
    input.device.age_days < 645
    r := {"id": "R0150_thr", "w": 6}
}

reasons[r] {
    input.location.country in {"GB", "PH", "PK", "RO", "UA"}
    input.transaction.amount > 273
    r := {"id": "R0151_mem", "w": 4}
}

reasons[r] {
    input.velocity.count_1h <= 9
    input.user.failed_logins > 4
    r := {"id": "R0152_thr", "w": 12}
}

reasons[r] {
    input.merchant.mcc in {"4511", "5912", "5967", "7011"}
    input.transaction.amount > 4989
    r := {"id": "R0153_mem", "w": 14}
}

reasons[r] {
    input.velocity.count_1h >= 23
    input.transaction.amount < 18295
    r := {"id": "R0154_thr", "w": 17}
}

reasons[r] {
    startswith(input.user.email, "temp")
    input.user.age_days < 334
    r := {"id": "R0155_pre", "w": 15}
}

reasons[r] {
    input.merchant.mcc in {"5732", "5812", "5999", "6011"}
    input.transaction.amount > 6765
    r := {"id": "R0156_mem", "w": 19}
}

reasons[r] {
    input.device.age_days >= 816
    input.velocity.count_24h > 84
    r := {"id": "R0157_thr", "w": 17}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 1265
    r := {"id": "R0158_mem", "w": 3}
}

reasons[r] {
    startswith(input.user.email, "temp")
    input.user.age_days < 226
    r := {"id": "R0159_pre", "w": 13}
}

reasons[r] {
    startswith(input.device.user_agent, "Java/1.")
    input.user.age_days < 321
    r := {"id": "R0160_pre", "w": 7}
}

reasons[r] {
    startswith(input.device.user_agent, "Java/1.")
    input.user.age_days < 851
    r := {"id": "R0161_pre", "w": 7}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 2
    r := {"id": "R0162_cnt", "w": 3}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 4
    r := {"id": "R0163_cnt", "w": 9}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 2377]) >= 5
    r := {"id": "R0164_cnt", "w": 14}
}

reasons[r] {
    input.device.age_days > 594
    input.transaction.amount > 9594
    r := {"id": "R0165_thr", "w": 12}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 2595
    r := {"id": "R0166_mem", "w": 10}
}

reasons[r] {
    input.user.credit_score >= 557
    input.velocity.count_1h < 16
    input.transaction.type == "crypto"
    r := {"id": "R0167_thr", "w": 14}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 4562
    r := {"id": "R0168_mem", "w": 13}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 1838
    r := {"id": "R0169_mem", "w": 11}
}

reasons[r] {
    input.device.age_days <= 554
    input.user.failed_logins < 12
    r := {"id": "R0170_thr", "w": 17}
}

reasons[r] {
    input.velocity.count_24h > 41
    input.transaction.amount > 4344
    r := {"id": "R0171_thr", "w": 8}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 2
    r := {"id": "R0172_cnt", "w": 17}
}

reasons[r] {
    input.location.country in {"CN", "DE", "KE", "RO", "RU"}
    input.transaction.amount > 1397
    r := {"id": "R0173_mem", "w": 20}
}

reasons[r] {
    input.user.credit_score < 678
    input.user.failed_logins > 5
    r := {"id": "R0174_thr", "w": 1}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 744]) >= 8
    r := {"id": "R0175_cnt", "w": 3}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 6226
    r := {"id": "R0176_iter", "w": 16}
}

reasons[r] {
    input.location.country in {"DE", "IN", "PH", "RO", "US"}
    input.transaction.amount > 4096
    r := {"id": "R0177_mem", "w": 14}
}

reasons[r] {
    input.user.age_days >= 1597
    input.velocity.count_24h < 26
    r := {"id": "R0178_thr", "w": 20}
}

reasons[r] {
    input.device.age_days <= 687
    input.velocity.amount_24h > 33563
    r := {"id": "R0179_thr", "w": 13}
}

reasons[r] {
    input.user.failed_logins >= 5
    input.velocity.count_1h < 12
    r := {"id": "R0180_thr", "w": 9}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/4.")
    input.user.age_days < 875
    r := {"id": "R0181_pre", "w": 19}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 374
    r := {"id": "R0182_mem", "w": 6}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 1505]) >= 2
    r := {"id": "R0183_cnt", "w": 16}
}

reasons[r] {
    input.user.age_days <= 214
    input.user.credit_score > 786
    r := {"id": "R0184_thr", "w": 12}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 3696
    r := {"id": "R0185_mem", "w": 10}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 4827]) >= 2
    r := {"id": "R0186_cnt", "w": 18}
}

reasons[r] {
    input.velocity.count_1h <= 20
    input.user.failed_logins < 12
    input.transaction.type == "ach"
    r := {"id": "R0187_thr", "w": 13}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 4
    r := {"id": "R0188_cnt", "w": 12}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/5.0 (X11")
    input.user.age_days < 981
    r := {"id": "R0189_pre", "w": 13}
}

reasons[r] {
    input.user.failed_logins >= 4
    input.user.credit_score < 678
    input.transaction.type == "wire"
    r := {"id": "R0190_thr", "w": 6}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 4
    r := {"id": "R0191_cnt", "w": 5}
}

reasons[r] {
    input.transaction.amount >= 16065
    input.user.failed_logins < 10
    r := {"id": "R0192_thr", "w": 6}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 6
    r := {"id": "R0193_cnt", "w": 10}
}

reasons[r] {
    input.user.age_days > 326
    input.user.credit_score > 496
    input.transaction.type == "card"
    r := {"id": "R0194_thr", "w": 7}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 6633
    r := {"id": "R0195_iter", "w": 9}
}

reasons[r] {
    input.transaction.amount > 9000
    input.user.age_days > 439
    r := {"id": "R0196_thr", "w": 1}
}

reasons[r] {
    some t in input.tags
    t == "gift_card"
    r := {"id": "R0197_iter", "w": 15}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 2523
    r := {"id": "R0198_iter", "w": 8}
}

reasons[r] {
    input.velocity.count_1h < 37
    input.user.credit_score > 618
    r := {"id": "R0199_thr", "w": 5}
}

reasons[r] {
    input.merchant.mcc in {"4829", "5541", "5732", "5812"}
    input.transaction.amount > 7049
    r := {"id": "R0200_mem", "w": 2}
}

reasons[r] {
    input.user.age_days < 1984
    input.user.failed_logins < 3
    r := {"id": "R0201_thr", "w": 15}
}

reasons[r] {
    input.user.failed_logins < 9
    input.device.age_days > 25
    r := {"id": "R0202_thr", "w": 12}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 3
    r := {"id": "R0203_cnt", "w": 13}
}

reasons[r] {
    some i
    input.history[i].amount > 3913
    input.history[i].country != input.location.country
    r := {"id": "R0204_iter", "w": 7}
}

reasons[r] {
    startswith(input.user.email, "admin")
    input.user.age_days < 177
    r := {"id": "R0205_pre", "w": 1}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 5240
    r := {"id": "R0206_iter", "w": 16}
}

reasons[r] {
    some i
    input.history[i].amount > 14776
    input.history[i].country != input.location.country
    r := {"id": "R0207_iter", "w": 11}
}

reasons[r] {
    input.device.age_days >= 879
    input.velocity.amount_24h < 39742
    r := {"id": "R0208_thr", "w": 4}
}

reasons[r] {
    some t in input.tags
    t == "vpn"
    r := {"id": "R0209_iter", "w": 16}
}

reasons[r] {
    input.location.country in {"KE", "PH", "RO", "RU", "UA"}
    input.transaction.amount > 990
    r := {"id": "R0210_mem", "w": 16}
}

reasons[r] {
    input.device.age_days > 123
    input.user.failed_logins < 5
    r := {"id": "R0211_thr", "w": 1}
}

reasons[r] {
    some i
    input.history[i].amount > 4757
    input.history[i].country != input.location.country
    r := {"id": "R0212_iter", "w": 7}
}

reasons[r] {
    input.user.age_days < 957
    input.velocity.count_1h > 11
    r := {"id": "R0213_thr", "w": 13}
}

reasons[r] {
    input.user.failed_logins > 1
    input.velocity.count_24h < 7
    r := {"id": "R0214_thr", "w": 7}
}

reasons[r] {
    input.location.country in {"BR", "MX", "NG", "RU", "VN"}
    input.transaction.amount > 5532
    r := {"id": "R0215_mem", "w": 15}
}

reasons[r] {
    input.user.failed_logins >= 9
    input.velocity.amount_24h > 18020
    r := {"id": "R0216_thr", "w": 7}
}

reasons[r] {
    some i
    input.history[i].amount > 10345
    input.history[i].country != input.location.country
    r := {"id": "R0217_iter", "w": 5}
}

reasons[r] {
    some t in input.tags
    t == "new_device"
    r := {"id": "R0218_iter", "w": 9}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 4476
    r := {"id": "R0219_mem", "w": 9}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 1030
    r := {"id": "R0220_iter", "w": 6}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/4.")
    input.user.age_days < 566
    r := {"id": "R0221_pre", "w": 14}
}

reasons[r] {
    input.user.failed_logins >= 10
    input.transaction.amount < 1368
    input.transaction.type == "crypto"
    r := {"id": "R0222_thr", "w": 9}
}

reasons[r] {
    startswith(input.device.user_agent, "okhttp/")
    input.user.age_days < 129
    r := {"id": "R0223_pre", "w": 7}
}

reasons[r] {
    input.transaction.amount < 803
    input.velocity.count_24h < 115
    r := {"id": "R0224_thr", "w": 18}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 5124
    r := {"id": "R0225_iter", "w": 6}
}

reasons[r] {
    startswith(input.device.user_agent, "Dalvik/")
    input.user.age_days < 808
    r := {"id": "R0226_pre", "w": 13}
}

reasons[r] {
    input.device.age_days > 427
    input.user.failed_logins > 7
    r := {"id": "R0227_thr", "w": 9}
}

reasons[r] {
    some i
    input.history[i].amount > 13388
    input.history[i].country != input.location.country
    r := {"id": "R0228_iter", "w": 9}
}

reasons[r] {
    startswith(input.user.email, "noreply")
    input.user.age_days < 1181
    r := {"id": "R0229_pre", "w": 3}
}

reasons[r] {
    input.velocity.count_24h >= 82
    input.velocity.count_1h < 35
    r := {"id": "R0230_thr", "w": 20}
}

reasons[r] {
    input.transaction.amount >= 4145
    input.user.failed_logins > 7
    r := {"id": "R0231_thr", "w": 15}
}

reasons[r] {
    startswith(input.device.user_agent, "okhttp/")
    input.user.age_days < 752
    r := {"id": "R0232_pre", "w": 17}
}

reasons[r] {
    input.device.age_days > 879
    input.velocity.amount_24h < 49596
    r := {"id": "R0233_thr", "w": 15}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/4.")
    input.user.age_days < 947
    r := {"id": "R0234_pre", "w": 16}
}

reasons[r] {
    some t in input.tags
    t == "tor"
    r := {"id": "R0235_iter", "w": 9}
}

reasons[r] {
    input.merchant.mcc in {"5122", "5944", "5999", "6011"}
    input.transaction.amount > 4410
    r := {"id": "R0236_mem", "w": 12}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/4.")
    input.user.age_days < 992
    r := {"id": "R0237_pre", "w": 4}
}

reasons[r] {
    input.user.failed_logins <= 8
    input.transaction.amount > 2636
    r := {"id": "R0238_thr", "w": 12}
}

reasons[r] {
    some t in input.tags
    t == "cross_border"
    r := {"id": "R0239_iter", "w": 1}
}

reasons[r] {
    input.velocity.count_24h > 10
    input.transaction.amount < 2317
    input.transaction.type == "crypto"
    r := {"id": "R0240_thr", "w": 13}
}

reasons[r] {
    some i
    input.history[i].amount > 19475
    input.history[i].country != input.location.country
    r := {"id": "R0241_iter", "w": 4}
}

reasons[r] {
    input.velocity.amount_24h >= 46831
    input.device.age_days < 661
    r := {"id": "R0242_thr", "w": 4}
}

reasons[r] {
    input.velocity.count_24h <= 117
    input.transaction.amount < 13662
    input.transaction.type == "ach"
    r := {"id": "R0243_thr", "w": 3}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 1072
    r := {"id": "R0244_mem", "w": 3}
}

reasons[r] {
    input.user.credit_score > 481
    input.device.age_days > 853
    r := {"id": "R0245_thr", "w": 18}
}

reasons[r] {
    input.velocity.amount_24h > 27379
    input.velocity.count_1h < 13
    r := {"id": "R0246_thr", "w": 11}
}

reasons[r] {
    input.user.failed_logins >= 1
    input.velocity.amount_24h > 7280
    input.transaction.type == "ach"
    r := {"id": "R0247_thr", "w": 14}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 1307
    r := {"id": "R0248_mem", "w": 10}
}

reasons[r] {
    input.transaction.amount > 10531
    input.user.failed_logins < 1
    input.transaction.type == "wallet"
    r := {"id": "R0249_thr", "w": 10}
}

reasons[r] {
    input.velocity.count_24h <= 15
    input.user.failed_logins < 5
    r := {"id": "R0250_thr", "w": 12}
}

reasons[r] {
    startswith(input.device.user_agent, "Java/1.")
    input.user.age_days < 1045
    r := {"id": "R0251_pre", "w": 15}
}

reasons[r] {
    input.location.country in {"EG", "GB", "KE", "RO", "ZA"}
    input.transaction.amount > 4223
    r := {"id": "R0252_mem", "w": 5}
}

reasons[r] {
    input.device.age_days >= 698
    input.user.failed_logins > 2
    r := {"id": "R0253_thr", "w": 19}
}

reasons[r] {
    input.velocity.count_1h > 13
    input.user.credit_score < 813
    input.transaction.type == "wire"
    r := {"id": "R0254_thr", "w": 4}
}

reasons[r] {
    some t in input.tags
    t == "tor"
    r := {"id": "R0255_iter", "w": 10}
}

reasons[r] {
    startswith(input.user.email, "a")
    input.user.age_days < 731
    r := {"id": "R0256_pre", "w": 18}
}

reasons[r] {
    startswith(input.user.email, "test")
    input.user.age_days < 1051
    r := {"id": "R0257_pre", "w": 13}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/4.")
    input.user.age_days < 1483
    r := {"id": "R0258_pre", "w": 9}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 3556
    r := {"id": "R0259_iter", "w": 7}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 1887]) >= 4
    r := {"id": "R0260_cnt", "w": 4}
}

reasons[r] {
    input.transaction.amount < 10444
    input.user.age_days < 1372
    r := {"id": "R0261_thr", "w": 4}
}

reasons[r] {
    input.user.age_days > 466
    input.device.age_days < 677
    r := {"id": "R0262_thr", "w": 3}
}

reasons[r] {
    startswith(input.user.email, "noreply")
    input.user.age_days < 1413
    r := {"id": "R0263_pre", "w": 12}
}

reasons[r] {
    some t in input.tags
    t == "vpn"
    r := {"id": "R0264_iter", "w": 18}
}

reasons[r] {
    startswith(input.user.email, "a")
    input.user.age_days < 1450
    r := {"id": "R0265_pre", "w": 7}
}

reasons[r] {
    input.merchant.mcc in {"4511", "5944", "6011", "7995"}
    input.transaction.amount > 62
    r := {"id": "R0266_mem", "w": 14}
}

reasons[r] {
    input.velocity.count_24h < 47
    input.transaction.amount > 7106
    input.transaction.type == "wallet"
    r := {"id": "R0267_thr", "w": 7}
}

reasons[r] {
    startswith(input.device.user_agent, "curl/")
    input.user.age_days < 537
    r := {"id": "R0268_pre", "w": 15}
}

reasons[r] {
    input.velocity.count_1h < 10
    input.transaction.amount < 12412
    r := {"id": "R0269_thr", "w": 8}
}

reasons[r] {
    input.location.country in {"BR", "EG", "ID", "IN", "MX"}
    input.transaction.amount > 5525
    r := {"id": "R0270_mem", "w": 1}
}

reasons[r] {
    startswith(input.device.user_agent, "Dalvik/")
    input.user.age_days < 202
    r := {"id": "R0271_pre", "w": 20}
}

reasons[r] {
    input.velocity.count_24h > 109
    input.user.credit_score < 813
    r := {"id": "R0272_thr", "w": 16}
}

reasons[r] {
    input.merchant.mcc in {"4829", "5912", "6051", "7011"}
    input.transaction.amount > 7987
    r := {"id": "R0273_mem", "w": 2}
}

reasons[r] {
    input.user.failed_logins >= 1
    input.velocity.count_24h > 36
    r := {"id": "R0274_thr", "w": 5}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/5.0 (X11")
    input.user.age_days < 1293
    r := {"id": "R0275_pre", "w": 16}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 5529
    r := {"id": "R0276_mem", "w": 7}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 1023]) >= 7
    r := {"id": "R0277_cnt", "w": 13}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 2524
    r := {"id": "R0278_iter", "w": 7}
}

reasons[r] {
    input.merchant.mcc in {"5411", "5912", "5967", "7995"}
    input.transaction.amount > 7788
    r := {"id": "R0279_mem", "w": 15}
}

reasons[r] {
    input.device.age_days <= 262
    input.user.credit_score > 672
    input.transaction.type == "crypto"
    r := {"id": "R0280_thr", "w": 19}
}

reasons[r] {
    input.user.age_days < 414
    input.user.failed_logins < 1
    input.transaction.type == "wire"
    r := {"id": "R0281_thr", "w": 17}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 1926
    r := {"id": "R0282_iter", "w": 6}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 2
    r := {"id": "R0283_cnt", "w": 16}
}

reasons[r] {
    input.device.age_days < 80
    input.velocity.amount_24h < 30948
    input.transaction.type == "crypto"
    r := {"id": "R0284_thr", "w": 6}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 1
    r := {"id": "R0285_cnt", "w": 13}
}

reasons[r] {
    input.user.age_days <= 197
    input.device.age_days > 448
    r := {"id": "R0286_thr", "w": 14}
}

reasons[r] {
    input.merchant.mcc in {"4829", "5812", "5999", "7995"}
    input.transaction.amount > 5310
    r := {"id": "R0287_mem", "w": 8}
}

reasons[r] {
    input.user.failed_logins <= 6
    input.velocity.count_1h < 14
    r := {"id": "R0288_thr", "w": 5}
}

reasons[r] {
    input.merchant.mcc in {"4829", "5411", "5944", "7995"}
    input.transaction.amount > 5762
    r := {"id": "R0289_mem", "w": 1}
}

reasons[r] {
    input.location.country in {"FR", "MX", "NG", "VN", "ZA"}
    input.transaction.amount > 2887
    r := {"id": "R0290_mem", "w": 17}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 897
    r := {"id": "R0291_iter", "w": 20}
}

reasons[r] {
    some i
    input.history[i].amount > 6065
    input.history[i].country != input.location.country
    r := {"id": "R0292_iter", "w": 20}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 2341]) >= 2
    r := {"id": "R0293_cnt", "w": 18}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 5822
    r := {"id": "R0294_mem", "w": 12}
}

reasons[r] {
    input.merchant.mcc in {"4511", "5732", "6011", "7011"}
    input.transaction.amount > 3835
    r := {"id": "R0295_mem", "w": 5}
}

reasons[r] {
    input.transaction.amount <= 16318
    input.user.age_days < 19
    input.transaction.type == "ach"
    r := {"id": "R0296_thr", "w": 20}
}

reasons[r] {
    startswith(input.user.email, "x")
    input.user.age_days < 80
    r := {"id": "R0297_pre", "w": 13}
}

reasons[r] {
    startswith(input.device.user_agent, "okhttp/")
    input.user.age_days < 74
    r := {"id": "R0298_pre", "w": 15}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 2396]) >= 6
    r := {"id": "R0299_cnt", "w": 5}
}

reasons[r] {
    input.velocity.count_1h < 23
    input.transaction.amount > 13453
    r := {"id": "R0300_thr", "w": 9}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 360
    r := {"id": "R0301_mem", "w": 12}
}

reasons[r] {
    startswith(input.user.email, "a")
    input.user.age_days < 883
    r := {"id": "R0302_pre", "w": 1}
}

reasons[r] {
    startswith(input.user.email, "test")
    input.user.age_days < 268
    r := {"id": "R0303_pre", "w": 9}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 5054
    r := {"id": "R0304_iter", "w": 1}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 1629
    r := {"id": "R0305_mem", "w": 6}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 4802
    r := {"id": "R0306_mem", "w": 8}
}

reasons[r] {
    input.velocity.amount_24h <= 3511
    input.user.credit_score > 584
    input.transaction.type == "card"
    r := {"id": "R0307_thr", "w": 6}
}

reasons[r] {
    input.merchant.mcc in {"4829", "5732", "5999", "6051"}
    input.transaction.amount > 5558
    r := {"id": "R0308_mem", "w": 17}
}

reasons[r] {
    some t in input.tags
    t == "night"
    r := {"id": "R0309_iter", "w": 16}
}

reasons[r] {
    input.location.country in {"CN", "FR", "GB", "TR", "ZA"}
    input.transaction.amount > 117
    r := {"id": "R0310_mem", "w": 17}
}

reasons[r] {
    input.device.age_days <= 373
    input.velocity.count_1h < 31
    input.transaction.type == "wire"
    r := {"id": "R0311_thr", "w": 1}
}

reasons[r] {
    input.location.country in {"ID", "NG", "PH", "TR", "VN"}
    input.transaction.amount > 6022
    r := {"id": "R0312_mem", "w": 15}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 2007
    r := {"id": "R0313_mem", "w": 7}
}

reasons[r] {
    input.user.credit_score >= 501
    input.user.age_days < 1513
    r := {"id": "R0314_thr", "w": 5}
}

reasons[r] {
    input.user.credit_score <= 847
    input.velocity.count_1h < 24
    r := {"id": "R0315_thr", "w": 11}
}

reasons[r] {
    startswith(input.user.email, "noreply")
    input.user.age_days < 446
    r := {"id": "R0316_pre", "w": 6}
}

reasons[r] {
    input.velocity.amount_24h <= 56902
    input.user.age_days > 1244
    input.transaction.type == "wire"
    r := {"id": "R0317_thr", "w": 19}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 3417]) >= 2
    r := {"id": "R0318_cnt", "w": 1}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 5
    r := {"id": "R0319_cnt", "w": 16}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 5039
    r := {"id": "R0320_iter", "w": 14}
}

reasons[r] {
    input.velocity.amount_24h < 38044
    input.device.age_days < 313
    r := {"id": "R0321_thr", "w": 6}
}

reasons[r] {
    input.velocity.count_1h < 34
    input.velocity.amount_24h > 17699
    r := {"id": "R0322_thr", "w": 9}
}

reasons[r] {
    input.user.failed_logins >= 1
    input.user.credit_score > 492
    r := {"id": "R0323_thr", "w": 7}
}

reasons[r] {
    input.velocity.amount_24h > 18715
    input.device.age_days < 191
    r := {"id": "R0324_thr", "w": 14}
}

reasons[r] {
    startswith(input.user.email, "test")
    input.user.age_days < 1193
    r := {"id": "R0325_pre", "w": 2}
}

reasons[r] {
    input.location.country in {"DE", "ID", "IN", "MX", "TR"}
    input.transaction.amount > 3338
    r := {"id": "R0326_mem", "w": 2}
}

reasons[r] {
    input.velocity.count_24h > 70
    input.velocity.count_1h > 12
    r := {"id": "R0327_thr", "w": 15}
}

reasons[r] {
    input.user.age_days >= 1631
    input.transaction.amount < 2081
    input.transaction.type == "wallet"
    r := {"id": "R0328_thr", "w": 10}
}

reasons[r] {
    input.device.age_days <= 44
    input.user.failed_logins > 7
    r := {"id": "R0329_thr", "w": 20}
}

reasons[r] {
    input.velocity.count_24h < 58
    input.transaction.amount > 1927
    r := {"id": "R0330_thr", "w": 3}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 6
    r := {"id": "R0331_cnt", "w": 3}
}

reasons[r] {
    input.velocity.count_1h > 17
    input.device.age_days > 278
    r := {"id": "R0332_thr", "w": 7}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/5.0 (Windows NT 5")
    input.user.age_days < 648
    r := {"id": "R0333_pre", "w": 18}
}

reasons[r] {
    startswith(input.user.email, "x")
    input.user.age_days < 448
    r := {"id": "R0334_pre", "w": 5}
}

reasons[r] {
    input.user.credit_score <= 427
    input.user.failed_logins > 2
    input.transaction.type == "wire"
    r := {"id": "R0335_thr", "w": 11}
}

reasons[r] {
    input.merchant.mcc in {"5999", "6011", "6051", "7011"}
    input.transaction.amount > 7650
    r := {"id": "R0336_mem", "w": 5}
}

reasons[r] {
    startswith(input.user.email, "x")
    input.user.age_days < 1119
    r := {"id": "R0337_pre", "w": 10}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 7435
    r := {"id": "R0338_mem", "w": 18}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/5.0 (Windows NT 5")
    input.user.age_days < 1393
    r := {"id": "R0339_pre", "w": 15}
}

reasons[r] {
    input.location.country in {"BR", "EG", "PH", "TR", "ZA"}
    input.transaction.amount > 79
    r := {"id": "R0340_mem", "w": 15}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 5625
    r := {"id": "R0341_mem", "w": 4}
}

reasons[r] {
    input.merchant.mcc in {"4829", "5122", "5411", "5541"}
    input.transaction.amount > 6801
    r := {"id": "R0342_mem", "w": 7}
}

reasons[r] {
    input.velocity.amount_24h >= 46459
    input.user.age_days > 944
    input.transaction.type == "wallet"
    r := {"id": "R0343_thr", "w": 11}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 6113
    r := {"id": "R0344_mem", "w": 13}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 4431
    r := {"id": "R0345_mem", "w": 12}
}

reasons[r] {
    input.transaction.amount <= 8072
    input.velocity.count_24h > 32
    input.transaction.type == "card"
    r := {"id": "R0346_thr", "w": 1}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 5121
    r := {"id": "R0347_mem", "w": 12}
}

reasons[r] {
    input.merchant.mcc in {"5812", "5967", "5999", "6011"}
    input.transaction.amount > 2756
    r := {"id": "R0348_mem", "w": 9}
}

reasons[r] {
    input.user.age_days <= 887
    input.velocity.count_1h < 28
    input.transaction.type == "wire"
    r := {"id": "R0349_thr", "w": 12}
}

reasons[r] {
    input.user.credit_score >= 648
    input.transaction.amount > 8866
    input.transaction.type == "wallet"
    r := {"id": "R0350_thr", "w": 2}
}

reasons[r] {
    input.velocity.count_1h <= 18
    input.user.age_days > 184
    input.transaction.type == "ach"
    r := {"id": "R0351_thr", "w": 12}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/4.")
    input.user.age_days < 484
    r := {"id": "R0352_pre", "w": 3}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 6504
    r := {"id": "R0353_mem", "w": 15}
}

reasons[r] {
    input.velocity.amount_24h >= 53378
    input.transaction.amount < 16130
    r := {"id": "R0354_thr", "w": 20}
}

reasons[r] {
    startswith(input.device.user_agent, "Dalvik/")
    input.user.age_days < 898
    r := {"id": "R0355_pre", "w": 17}
}

reasons[r] {
    input.velocity.amount_24h <= 29895
    input.transaction.amount > 10887
    input.transaction.type == "wire"
    r := {"id": "R0356_thr", "w": 14}
}

reasons[r] {
    input.device.age_days >= 645
    input.user.failed_logins > 11
    r := {"id": "R0357_thr", "w": 1}
}

reasons[r] {
    input.transaction.amount <= 4229
    input.device.age_days < 322
    input.transaction.type == "crypto"
    r := {"id": "R0358_thr", "w": 8}
}

reasons[r] {
    startswith(input.user.email, "admin")
    input.user.age_days < 806
    r := {"id": "R0359_pre", "w": 14}
}

reasons[r] {
    startswith(input.user.email, "test")
    input.user.age_days < 936
    r := {"id": "R0360_pre", "w": 16}
}

reasons[r] {
    some t in input.tags
    t == "vpn"
    r := {"id": "R0361_iter", "w": 3}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 3905
    r := {"id": "R0362_mem", "w": 1}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 935]) >= 8
    r := {"id": "R0363_cnt", "w": 6}
}

reasons[r] {
    startswith(input.device.user_agent, "Dalvik/")
    input.user.age_days < 312
    r := {"id": "R0364_pre", "w": 3}
}

reasons[r] {
    startswith(input.device.user_agent, "python-requests/")
    input.user.age_days < 904
    r := {"id": "R0365_pre", "w": 9}
}

reasons[r] {
    startswith(input.device.user_agent, "curl/")
    input.user.age_days < 879
    r := {"id": "R0366_pre", "w": 9}
}

reasons[r] {
    input.user.failed_logins >= 11
    input.velocity.count_24h > 34
    input.transaction.type == "ach"
    r := {"id": "R0367_thr", "w": 9}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 952]) >= 8
    r := {"id": "R0368_cnt", "w": 16}
}

reasons[r] {
    some i
    input.history[i].amount > 18112
    input.history[i].country != input.location.country
    r := {"id": "R0369_iter", "w": 1}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 1167]) >= 7
    r := {"id": "R0370_cnt", "w": 17}
}

reasons[r] {
    input.velocity.count_1h > 32
    input.device.age_days < 29
    r := {"id": "R0371_thr", "w": 2}
}

reasons[r] {
    input.velocity.count_1h <= 27
    input.velocity.amount_24h < 56304
    r := {"id": "R0372_thr", "w": 1}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 1
    r := {"id": "R0373_cnt", "w": 9}
}

reasons[r] {
    input.location.country in {"EG", "MX", "RU", "UA", "VN"}
    input.transaction.amount > 5779
    r := {"id": "R0374_mem", "w": 7}
}

reasons[r] {
    input.velocity.amount_24h < 22407
    input.user.failed_logins > 11
    r := {"id": "R0375_thr", "w": 16}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 1081
    r := {"id": "R0376_mem", "w": 7}
}

reasons[r] {
    input.transaction.amount > 10478
    input.velocity.count_1h < 12
    input.transaction.type == "ach"
    r := {"id": "R0377_thr", "w": 13}
}

reasons[r] {
    input.device.age_days < 420
    input.velocity.count_1h < 10
    r := {"id": "R0378_thr", "w": 5}
}

reasons[r] {
    some i
    input.history[i].amount > 2762
    input.history[i].country != input.location.country
    r := {"id": "R0379_iter", "w": 18}
}

reasons[r] {
    input.merchant.mcc in {"5122", "5812", "5967", "7995"}
    input.transaction.amount > 7568
    r := {"id": "R0380_mem", "w": 15}
}

reasons[r] {
    input.user.credit_score >= 606
    input.device.age_days < 324
    r := {"id": "R0381_thr", "w": 14}
}

reasons[r] {
    input.transaction.amount > 290
    input.velocity.count_24h > 41
    r := {"id": "R0382_thr", "w": 10}
}

reasons[r] {
    startswith(input.device.user_agent, "python-requests/")
    input.user.age_days < 592
    r := {"id": "R0383_pre", "w": 2}
}

reasons[r] {
    input.transaction.amount > 12217
    input.velocity.amount_24h < 36318
    r := {"id": "R0384_thr", "w": 3}
}

reasons[r] {
    input.location.country in {"IN", "NG", "RU", "UA", "US"}
    input.transaction.amount > 3296
    r := {"id": "R0385_mem", "w": 7}
}

reasons[r] {
    input.velocity.count_1h < 27
    input.transaction.amount < 17203
    r := {"id": "R0386_thr", "w": 12}
}

reasons[r] {
    input.transaction.amount <= 7605
    input.user.credit_score < 829
    r := {"id": "R0387_thr", "w": 6}
}

reasons[r] {
    input.velocity.amount_24h > 11237
    input.transaction.amount > 17393
    r := {"id": "R0388_thr", "w": 7}
}

reasons[r] {
    input.merchant.mcc in {"5812", "5944", "6011", "7011"}
    input.transaction.amount > 6052
    r := {"id": "R0389_mem", "w": 14}
}

reasons[r] {
    startswith(input.user.email, "test")
    input.user.age_days < 624
    r := {"id": "R0390_pre", "w": 4}
}

reasons[r] {
    input.velocity.count_24h <= 100
    input.user.failed_logins < 5
    r := {"id": "R0391_thr", "w": 2}
}

reasons[r] {
    input.device.age_days < 94
    input.user.age_days < 1547
    r := {"id": "R0392_thr", "w": 6}
}

reasons[r] {
    input.merchant.mcc in {"4829", "5541", "5732", "5912"}
    input.transaction.amount > 2737
    r := {"id": "R0393_mem", "w": 13}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 2844
    r := {"id": "R0394_mem", "w": 3}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 413
    r := {"id": "R0395_mem", "w": 15}
}

reasons[r] {
    input.device.age_days < 106
    input.velocity.count_1h > 10
    input.transaction.type == "wire"
    r := {"id": "R0396_thr", "w": 14}
}

reasons[r] {
    input.velocity.count_24h < 120
    input.device.age_days < 848
    r := {"id": "R0397_thr", "w": 19}
}

reasons[r] {
    input.user.failed_logins <= 7
    input.velocity.amount_24h > 28710
    r := {"id": "R0398_thr", "w": 10}
}

reasons[r] {
    some t in input.tags
    t == "cross_border"
    r := {"id": "R0399_iter", "w": 2}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 3973
    r := {"id": "R0400_mem", "w": 13}
}

reasons[r] {
    some i
    input.history[i].amount > 9207
    input.history[i].country != input.location.country
    r := {"id": "R0401_iter", "w": 12}
}

reasons[r] {
    some i
    input.history[i].amount > 10516
    input.history[i].country != input.location.country
    r := {"id": "R0402_iter", "w": 15}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/5.0 (X11")
    input.user.age_days < 1225
    r := {"id": "R0403_pre", "w": 2}
}

reasons[r] {
    input.user.age_days > 1605
    input.velocity.count_24h < 99
    r := {"id": "R0404_thr", "w": 6}
}

reasons[r] {
    input.location.country in {"GB", "MX", "RO", "TR", "UA"}
    input.transaction.amount > 3236
    r := {"id": "R0405_mem", "w": 14}
}

reasons[r] {
    input.device.age_days >= 707
    input.velocity.amount_24h > 27771
    input.transaction.type == "ach"
    r := {"id": "R0406_thr", "w": 17}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 4021
    r := {"id": "R0407_iter", "w": 15}
}

reasons[r] {
    input.location.country in {"ID", "NG", "UA", "US", "ZA"}
    input.transaction.amount > 5901
    r := {"id": "R0408_mem", "w": 1}
}

reasons[r] {
    input.velocity.count_1h <= 26
    input.velocity.amount_24h > 3730
    r := {"id": "R0409_thr", "w": 1}
}

reasons[r] {
    input.user.failed_logins >= 9
    input.user.credit_score > 636
    input.transaction.type == "wallet"
    r := {"id": "R0410_thr", "w": 9}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 2716]) >= 9
    r := {"id": "R0411_cnt", "w": 3}
}

reasons[r] {
    startswith(input.device.user_agent, "python-requests/")
    input.user.age_days < 357
    r := {"id": "R0412_pre", "w": 9}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 3375
    r := {"id": "R0413_iter", "w": 17}
}

reasons[r] {
    input.user.age_days <= 319
    input.device.age_days < 78
    input.transaction.type == "ach"
    r := {"id": "R0414_thr", "w": 18}
}

reasons[r] {
    input.velocity.count_24h < 84
    input.user.age_days < 1346
    r := {"id": "R0415_thr", "w": 11}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 1895
    r := {"id": "R0416_mem", "w": 17}
}

reasons[r] {
    some i
    input.history[i].amount > 11918
    input.history[i].country != input.location.country
    r := {"id": "R0417_iter", "w": 4}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/4.")
    input.user.age_days < 703
    r := {"id": "R0418_pre", "w": 13}
}

reasons[r] {
    some t in input.tags
    t == "tor"
    r := {"id": "R0419_iter", "w": 5}
}

reasons[r] {
    input.location.country in {"FR", "IN", "PK", "TR", "ZA"}
    input.transaction.amount > 1010
    r := {"id": "R0420_mem", "w": 9}
}

reasons[r] {
    input.location.country in {"EG", "ID", "MX", "US", "ZA"}
    input.transaction.amount > 5100
    r := {"id": "R0421_mem", "w": 7}
}

reasons[r] {
    input.location.country in {"FR", "ID", "NG", "RO", "UA"}
    input.transaction.amount > 5136
    r := {"id": "R0422_mem", "w": 16}
}

reasons[r] {
    input.user.failed_logins >= 9
    input.user.credit_score > 612
    r := {"id": "R0423_thr", "w": 3}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 1684]) >= 8
    r := {"id": "R0424_cnt", "w": 15}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 6379
    r := {"id": "R0425_mem", "w": 14}
}

reasons[r] {
    some t in input.tags
    t == "gift_card"
    r := {"id": "R0426_iter", "w": 13}
}

reasons[r] {
    input.user.credit_score > 457
    input.transaction.amount > 6947
    input.transaction.type == "ach"
    r := {"id": "R0427_thr", "w": 8}
}

reasons[r] {
    input.user.failed_logins >= 2
    input.transaction.amount < 3024
    r := {"id": "R0428_thr", "w": 5}
}

reasons[r] {
    input.velocity.count_24h <= 37
    input.user.failed_logins > 10
    r := {"id": "R0429_thr", "w": 6}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 6870
    r := {"id": "R0430_iter", "w": 14}
}

reasons[r] {
    some t in input.tags
    t == "cross_border"
    r := {"id": "R0431_iter", "w": 1}
}

reasons[r] {
    input.merchant.mcc in {"4829", "5732", "5967", "5999"}
    input.transaction.amount > 2499
    r := {"id": "R0432_mem", "w": 16}
}

reasons[r] {
    input.user.failed_logins > 7
    input.user.credit_score < 433
    r := {"id": "R0433_thr", "w": 20}
}

reasons[r] {
    input.device.age_days >= 372
    input.user.credit_score < 618
    r := {"id": "R0434_thr", "w": 4}
}

reasons[r] {
    input.velocity.count_1h < 6
    input.velocity.amount_24h > 49258
    r := {"id": "R0435_thr", "w": 13}
}

reasons[r] {
    input.merchant.mcc in {"5812", "5912", "5999", "7011"}
    input.transaction.amount > 589
    r := {"id": "R0436_mem", "w": 8}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 214
    r := {"id": "R0437_mem", "w": 17}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/4.")
    input.user.age_days < 906
    r := {"id": "R0438_pre", "w": 9}
}

reasons[r] {
    some i
    input.history[i].amount > 14734
    input.history[i].country != input.location.country
    r := {"id": "R0439_iter", "w": 19}
}

reasons[r] {
    input.velocity.count_24h < 11
    input.user.credit_score > 541
    r := {"id": "R0440_thr", "w": 20}
}

reasons[r] {
    input.merchant.mcc in {"4829", "5732", "5912", "6051"}
    input.transaction.amount > 2310
    r := {"id": "R0441_mem", "w": 2}
}

reasons[r] {
    input.user.credit_score > 407
    input.velocity.count_24h < 15
    r := {"id": "R0442_thr", "w": 14}
}

reasons[r] {
    startswith(input.user.email, "a")
    input.user.age_days < 29
    r := {"id": "R0443_pre", "w": 8}
}

reasons[r] {
    input.device.age_days < 363
    input.velocity.count_1h > 32
    r := {"id": "R0444_thr", "w": 5}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 5
    r := {"id": "R0445_cnt", "w": 5}
}

reasons[r] {
    input.velocity.count_1h < 19
    input.user.credit_score > 352
    r := {"id": "R0446_thr", "w": 1}
}

reasons[r] {
    startswith(input.device.user_agent, "Java/1.")
    input.user.age_days < 292
    r := {"id": "R0447_pre", "w": 15}
}

reasons[r] {
    input.location.country in {"CN", "PK", "RU", "UA", "VN"}
    input.transaction.amount > 3633
    r := {"id": "R0448_mem", "w": 5}
}

reasons[r] {
    some i
    input.history[i].amount > 13568
    input.history[i].country != input.location.country
    r := {"id": "R0449_iter", "w": 13}
}

reasons[r] {
    startswith(input.user.email, "admin")
    input.user.age_days < 1384
    r := {"id": "R0450_pre", "w": 7}
}

reasons[r] {
    input.user.credit_score <= 813
    input.velocity.count_24h > 40
    input.transaction.type == "crypto"
    r := {"id": "R0451_thr", "w": 15}
}

reasons[r] {
    input.location.country in {"CN", "EG", "MX", "US", "VN"}
    input.transaction.amount > 4878
    r := {"id": "R0452_mem", "w": 4}
}

reasons[r] {
    input.user.failed_logins > 10
    input.user.credit_score < 485
    r := {"id": "R0453_thr", "w": 3}
}

reasons[r] {
    input.location.country in {"DE", "EG", "KE", "NG", "US"}
    input.transaction.amount > 1354
    r := {"id": "R0454_mem", "w": 3}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/5.0 (Windows NT 5")
    input.user.age_days < 362
    r := {"id": "R0455_pre", "w": 5}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 6
    r := {"id": "R0456_cnt", "w": 4}
}

reasons[r] {
    input.location.country in {"FR", "KE", "PH", "RO", "RU"}
    input.transaction.amount > 1678
    r := {"id": "R0457_mem", "w": 5}
}

reasons[r] {
    input.user.failed_logins >= 4
    input.user.age_days < 815
    r := {"id": "R0458_thr", "w": 1}
}

reasons[r] {
    input.device.age_days >= 552
    input.velocity.count_1h < 13
    r := {"id": "R0459_thr", "w": 16}
}

reasons[r] {
    startswith(input.user.email, "admin")
    input.user.age_days < 1499
    r := {"id": "R0460_pre", "w": 1}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 2006
    r := {"id": "R0461_mem", "w": 16}
}

reasons[r] {
    input.user.credit_score > 534
    input.user.age_days < 1122
    input.transaction.type == "card"
    r := {"id": "R0462_thr", "w": 10}
}

reasons[r] {
    startswith(input.user.email, "temp")
    input.user.age_days < 1231
    r := {"id": "R0463_pre", "w": 9}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 4
    r := {"id": "R0464_cnt", "w": 7}
}

reasons[r] {
    startswith(input.user.email, "temp")
    input.user.age_days < 484
    r := {"id": "R0465_pre", "w": 15}
}

reasons[r] {
    input.velocity.amount_24h < 44057
    input.device.age_days > 615
    input.transaction.type == "wallet"
    r := {"id": "R0466_thr", "w": 12}
}

reasons[r] {
    input.velocity.count_1h >= 21
    input.velocity.count_24h > 59
    r := {"id": "R0467_thr", "w": 12}
}

reasons[r] {
    input.velocity.amount_24h >= 55938
    input.user.age_days > 924
    r := {"id": "R0468_thr", "w": 7}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 3228
    r := {"id": "R0469_mem", "w": 10}
}

reasons[r] {
    startswith(input.user.email, "test")
    input.user.age_days < 1388
    r := {"id": "R0470_pre", "w": 1}
}

reasons[r] {
    input.user.age_days >= 1019
    input.velocity.count_1h < 40
    r := {"id": "R0471_thr", "w": 20}
}

reasons[r] {
    input.user.failed_logins >= 4
    input.transaction.amount > 12442
    input.transaction.type == "ach"
    r := {"id": "R0472_thr", "w": 16}
}

reasons[r] {
    input.transaction.amount < 17277
    input.velocity.amount_24h > 859
    input.transaction.type == "wallet"
    r := {"id": "R0473_thr", "w": 12}
}

reasons[r] {
    some i
    input.history[i].amount > 10668
    input.history[i].country != input.location.country
    r := {"id": "R0474_iter", "w": 2}
}

reasons[r] {
    input.device.age_days < 607
    input.velocity.count_1h < 19
    r := {"id": "R0475_thr", "w": 15}
}

reasons[r] {
    startswith(input.user.email, "admin")
    input.user.age_days < 722
    r := {"id": "R0476_pre", "w": 19}
}

reasons[r] {
    input.merchant.mcc in {"5912", "5944", "5999", "6011"}
    input.transaction.amount > 407
    r := {"id": "R0477_mem", "w": 7}
}

reasons[r] {
    input.device.age_days < 11
    input.velocity.count_24h < 56
    r := {"id": "R0478_thr", "w": 19}
}

reasons[r] {
    input.velocity.count_1h > 39
    input.user.failed_logins > 10
    r := {"id": "R0479_thr", "w": 3}
}

reasons[r] {
    input.velocity.count_1h <= 38
    input.velocity.amount_24h < 36091
    r := {"id": "R0480_thr", "w": 4}
}

reasons[r] {
    input.location.country in {"CN", "GB", "NG", "PH", "UA"}
    input.transaction.amount > 3831
    r := {"id": "R0481_mem", "w": 8}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 3444]) >= 4
    r := {"id": "R0482_cnt", "w": 5}
}

reasons[r] {
    input.transaction.amount <= 14528
    input.velocity.amount_24h > 32906
    input.transaction.type == "card"
    r := {"id": "R0483_thr", "w": 11}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/5.0 (Windows NT 5")
    input.user.age_days < 229
    r := {"id": "R0484_pre", "w": 14}
}

reasons[r] {
    input.device.age_days < 297
    input.velocity.count_1h < 12
    input.transaction.type == "wallet"
    r := {"id": "R0485_thr", "w": 4}
}

reasons[r] {
    some i
    input.history[i].amount > 4729
    input.history[i].country != input.location.country
    r := {"id": "R0486_iter", "w": 3}
}

reasons[r] {
    startswith(input.device.user_agent, "curl/")
    input.user.age_days < 1048
    r := {"id": "R0487_pre", "w": 12}
}

reasons[r] {
    input.location.country in {"BR", "CN", "IN", "KE", "ZA"}
    input.transaction.amount > 1606
    r := {"id": "R0488_mem", "w": 11}
}

reasons[r] {
    startswith(input.user.email, "test")
    input.user.age_days < 1397
    r := {"id": "R0489_pre", "w": 16}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 5721
    r := {"id": "R0490_iter", "w": 19}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 7644
    r := {"id": "R0491_mem", "w": 13}
}

reasons[r] {
    input.velocity.amount_24h > 21496
    input.velocity.count_1h < 19
    r := {"id": "R0492_thr", "w": 1}
}

reasons[r] {
    input.transaction.amount <= 16373
    input.user.age_days < 1539
    r := {"id": "R0493_thr", "w": 8}
}

reasons[r] {
    input.user.failed_logins >= 1
    input.user.credit_score < 527
    r := {"id": "R0494_thr", "w": 3}
}

reasons[r] {
    input.user.failed_logins > 11
    input.velocity.count_24h < 72
    r := {"id": "R0495_thr", "w": 1}
}

reasons[r] {
    input.velocity.count_24h <= 107
    input.velocity.count_1h < 28
    input.transaction.type == "card"
    r := {"id": "R0496_thr", "w": 12}
}

reasons[r] {
    input.velocity.amount_24h < 40258
    input.velocity.count_24h > 86
    r := {"id": "R0497_thr", "w": 19}
}

reasons[r] {
    input.transaction.amount <= 1663
    input.user.failed_logins < 1
    r := {"id": "R0498_thr", "w": 11}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/5.0 (X11")
    input.user.age_days < 1360
    r := {"id": "R0499_pre", "w": 4}
}

reasons[r] {
    startswith(input.user.email, "a")
    input.user.age_days < 645
    r := {"id": "R0500_pre", "w": 8}
}

reasons[r] {
    input.velocity.count_24h >= 73
    input.device.age_days > 549
    input.transaction.type == "card"
    r := {"id": "R0501_thr", "w": 7}
}

reasons[r] {
    input.velocity.count_1h >= 1
    input.user.age_days > 1172
    r := {"id": "R0502_thr", "w": 11}
}

reasons[r] {
    startswith(input.user.email, "noreply")
    input.user.age_days < 527
    r := {"id": "R0503_pre", "w": 8}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 2152]) >= 5
    r := {"id": "R0504_cnt", "w": 7}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 6
    r := {"id": "R0505_cnt", "w": 15}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 4983
    r := {"id": "R0506_iter", "w": 1}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 3664]) >= 7
    r := {"id": "R0507_cnt", "w": 11}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 7250
    r := {"id": "R0508_mem", "w": 13}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 2
    r := {"id": "R0509_cnt", "w": 2}
}

reasons[r] {
    input.location.country in {"CN", "DE", "GB", "KE", "US"}
    input.transaction.amount > 5185
    r := {"id": "R0510_mem", "w": 5}
}

reasons[r] {
    input.velocity.count_24h > 82
    input.transaction.amount > 18497
    r := {"id": "R0511_thr", "w": 1}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 7461
    r := {"id": "R0512_mem", "w": 9}
}

reasons[r] {
    startswith(input.device.user_agent, "okhttp/")
    input.user.age_days < 173
    r := {"id": "R0513_pre", "w": 5}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 5
    r := {"id": "R0514_cnt", "w": 4}
}

reasons[r] {
    startswith(input.user.email, "temp")
    input.user.age_days < 18
    r := {"id": "R0515_pre", "w": 9}
}

reasons[r] {
    some i
    input.history[i].amount > 5447
    input.history[i].country != input.location.country
    r := {"id": "R0516_iter", "w": 3}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 3440]) >= 5
    r := {"id": "R0517_cnt", "w": 8}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 3952]) >= 10
    r := {"id": "R0518_cnt", "w": 10}
}

reasons[r] {
    input.transaction.amount >= 19863
    input.velocity.amount_24h < 26968
    r := {"id": "R0519_thr", "w": 4}
}

reasons[r] {
    input.merchant.mcc in {"5541", "5944", "6011", "7995"}
    input.transaction.amount > 2738
    r := {"id": "R0520_mem", "w": 3}
}

reasons[r] {
    input.user.failed_logins < 1
    input.velocity.amount_24h > 50543
    r := {"id": "R0521_thr", "w": 4}
}

reasons[r] {
    input.velocity.count_1h < 33
    input.user.failed_logins < 11
    r := {"id": "R0522_thr", "w": 12}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 2324]) >= 10
    r := {"id": "R0523_cnt", "w": 19}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 7022
    r := {"id": "R0524_iter", "w": 17}
}

reasons[r] {
    input.user.failed_logins <= 10
    input.velocity.count_24h > 100
    input.transaction.type == "ach"
    r := {"id": "R0525_thr", "w": 18}
}

reasons[r] {
    some i
    input.history[i].amount > 19706
    input.history[i].country != input.location.country
    r := {"id": "R0526_iter", "w": 12}
}

reasons[r] {
    input.velocity.count_24h <= 89
    input.velocity.amount_24h > 3875
    r := {"id": "R0527_thr", "w": 4}
}

reasons[r] {
    input.merchant.mcc in {"4829", "5812", "5944", "7995"}
    input.transaction.amount > 6323
    r := {"id": "R0528_mem", "w": 19}
}

reasons[r] {
    input.velocity.amount_24h >= 30388
    input.user.age_days > 1780
    r := {"id": "R0529_thr", "w": 12}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 1
    r := {"id": "R0530_cnt", "w": 11}
}

reasons[r] {
    input.merchant.mcc in {"5122", "5541", "5912", "7011"}
    input.transaction.amount > 3626
    r := {"id": "R0531_mem", "w": 14}
}

reasons[r] {
    input.transaction.amount <= 2770
    input.velocity.amount_24h > 29229
    input.transaction.type == "ach"
    r := {"id": "R0532_thr", "w": 6}
}

reasons[r] {
    input.user.credit_score <= 473
    input.user.failed_logins < 11
    r := {"id": "R0533_thr", "w": 17}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 4
    r := {"id": "R0534_cnt", "w": 10}
}

reasons[r] {
    input.user.age_days > 1077
    input.user.credit_score > 495
    input.transaction.type == "card"
    r := {"id": "R0535_thr", "w": 6}
}

reasons[r] {
    input.velocity.count_24h < 108
    input.transaction.amount < 16066
    input.transaction.type == "crypto"
    r := {"id": "R0536_thr", "w": 1}
}

reasons[r] {
    input.user.credit_score >= 801
    input.transaction.amount > 5057
    input.transaction.type == "crypto"
    r := {"id": "R0537_thr", "w": 15}
}

reasons[r] {
    input.user.failed_logins > 5
    input.transaction.amount < 930
    r := {"id": "R0538_thr", "w": 9}
}

reasons[r] {
    input.user.age_days <= 1831
    input.velocity.count_24h < 79
    input.transaction.type == "card"
    r := {"id": "R0539_thr", "w": 11}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 4363]) >= 9
    r := {"id": "R0540_cnt", "w": 19}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 7398
    r := {"id": "R0541_iter", "w": 13}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 2367]) >= 8
    r := {"id": "R0542_cnt", "w": 12}
}

reasons[r] {
    input.transaction.amount >= 1382
    input.velocity.count_1h > 18
    r := {"id": "R0543_thr", "w": 6}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 7297
    r := {"id": "R0544_mem", "w": 10}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 6168
    r := {"id": "R0545_iter", "w": 8}
}

reasons[r] {
    input.user.credit_score < 600
    input.device.age_days < 278
    r := {"id": "R0546_thr", "w": 1}
}

reasons[r] {
    input.location.country in {"CN", "NG", "PK", "RO", "ZA"}
    input.transaction.amount > 1042
    r := {"id": "R0547_mem", "w": 14}
}

reasons[r] {
    startswith(input.user.email, "a")
    input.user.age_days < 74
    r := {"id": "R0548_pre", "w": 5}
}

reasons[r] {
    input.merchant.mcc in {"5122", "5541", "5999", "6051"}
    input.transaction.amount > 7770
    r := {"id": "R0549_mem", "w": 13}
}

reasons[r] {
    input.device.age_days > 499
    input.velocity.count_1h > 24
    input.transaction.type == "card"
    r := {"id": "R0550_thr", "w": 7}
}

reasons[r] {
    input.user.credit_score > 487
    input.velocity.count_1h < 19
    r := {"id": "R0551_thr", "w": 5}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 581
    r := {"id": "R0552_mem", "w": 15}
}

reasons[r] {
    some i
    input.history[i].amount > 1124
    input.history[i].country != input.location.country
    r := {"id": "R0553_iter", "w": 13}
}

reasons[r] {
    input.merchant.mcc in {"5122", "5411", "5912", "5967"}
    input.transaction.amount > 6764
    r := {"id": "R0554_mem", "w": 16}
}

reasons[r] {
    input.user.credit_score <= 729
    input.velocity.amount_24h > 948
    r := {"id": "R0555_thr", "w": 17}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 7938
    r := {"id": "R0556_iter", "w": 15}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 5453
    r := {"id": "R0557_iter", "w": 2}
}

reasons[r] {
    input.transaction.amount > 2901
    input.velocity.count_24h > 97
    r := {"id": "R0558_thr", "w": 13}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 5090
    r := {"id": "R0559_mem", "w": 4}
}

reasons[r] {
    input.user.credit_score <= 775
    input.velocity.count_1h < 31
    r := {"id": "R0560_thr", "w": 12}
}

reasons[r] {
    input.user.credit_score < 476
    input.velocity.count_24h > 87
    r := {"id": "R0561_thr", "w": 20}
}

reasons[r] {
    some t in input.tags
    t == "gift_card"
    r := {"id": "R0562_iter", "w": 9}
}

reasons[r] {
    input.user.age_days > 1418
    input.velocity.amount_24h > 37928
    r := {"id": "R0563_thr", "w": 5}
}

reasons[r] {
    startswith(input.device.user_agent, "Java/1.")
    input.user.age_days < 1224
    r := {"id": "R0564_pre", "w": 6}
}

reasons[r] {
    input.device.age_days > 427
    input.transaction.amount > 12744
    r := {"id": "R0565_thr", "w": 12}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 2311
    r := {"id": "R0566_mem", "w": 13}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 2
    r := {"id": "R0567_cnt", "w": 20}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 4
    r := {"id": "R0568_cnt", "w": 8}
}

reasons[r] {
    input.user.credit_score <= 471
    input.velocity.count_24h < 57
    r := {"id": "R0569_thr", "w": 13}
}

reasons[r] {
    input.velocity.count_24h < 62
    input.user.failed_logins > 10
    input.transaction.type == "wire"
    r := {"id": "R0570_thr", "w": 7}
}

reasons[r] {
    some i
    input.history[i].amount > 17145
    input.history[i].country != input.location.country
    r := {"id": "R0571_iter", "w": 6}
}

reasons[r] {
    some i
    input.history[i].amount > 6726
    input.history[i].country != input.location.country
    r := {"id": "R0572_iter", "w": 6}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 7958
    r := {"id": "R0573_mem", "w": 8}
}

reasons[r] {
    input.user.age_days >= 597
    input.velocity.amount_24h < 11060
    r := {"id": "R0574_thr", "w": 12}
}

reasons[r] {
    input.velocity.count_24h >= 87
    input.device.age_days < 735
    r := {"id": "R0575_thr", "w": 14}
}

reasons[r] {
    input.velocity.amount_24h <= 2852
    input.transaction.amount < 12449
    r := {"id": "R0576_thr", "w": 12}
}

reasons[r] {
    startswith(input.device.user_agent, "okhttp/")
    input.user.age_days < 42
    r := {"id": "R0577_pre", "w": 9}
}

reasons[r] {
    some t in input.tags
    t == "new_device"
    r := {"id": "R0578_iter", "w": 1}
}

reasons[r] {
    input.transaction.amount >= 8214
    input.user.credit_score > 802
    r := {"id": "R0579_thr", "w": 5}
}

reasons[r] {
    input.transaction.amount < 5848
    input.user.age_days > 594
    r := {"id": "R0580_thr", "w": 11}
}

reasons[r] {
    input.velocity.amount_24h <= 10983
    input.velocity.count_24h > 6
    input.transaction.type == "crypto"
    r := {"id": "R0581_thr", "w": 13}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 860
    r := {"id": "R0582_mem", "w": 16}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 3415]) >= 7
    r := {"id": "R0583_cnt", "w": 18}
}

reasons[r] {
    startswith(input.device.user_agent, "python-requests/")
    input.user.age_days < 1190
    r := {"id": "R0584_pre", "w": 2}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 2565
    r := {"id": "R0585_iter", "w": 5}
}

reasons[r] {
    some i
    input.history[i].amount > 5080
    input.history[i].country != input.location.country
    r := {"id": "R0586_iter", "w": 15}
}

reasons[r] {
    startswith(input.device.user_agent, "Dalvik/")
    input.user.age_days < 1384
    r := {"id": "R0587_pre", "w": 7}
}

reasons[r] {
    startswith(input.device.user_agent, "curl/")
    input.user.age_days < 1010
    r := {"id": "R0588_pre", "w": 7}
}

reasons[r] {
    startswith(input.user.email, "a")
    input.user.age_days < 655
    r := {"id": "R0589_pre", "w": 4}
}

reasons[r] {
    input.transaction.amount > 19443
    input.user.age_days > 770
    r := {"id": "R0590_thr", "w": 20}
}

reasons[r] {
    input.user.age_days <= 888
    input.velocity.amount_24h < 46758
    input.transaction.type == "ach"
    r := {"id": "R0591_thr", "w": 16}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 2187
    r := {"id": "R0592_iter", "w": 16}
}

reasons[r] {
    input.user.credit_score <= 673
    input.user.failed_logins > 5
    r := {"id": "R0593_thr", "w": 8}
}

reasons[r] {
    input.user.credit_score <= 549
    input.velocity.amount_24h < 51534
    input.transaction.type == "wire"
    r := {"id": "R0594_thr", "w": 11}
}

reasons[r] {
    input.velocity.amount_24h <= 2180
    input.device.age_days > 571
    r := {"id": "R0595_thr", "w": 16}
}

reasons[r] {
    input.velocity.amount_24h < 11293
    input.velocity.count_24h < 102
    r := {"id": "R0596_thr", "w": 4}
}

reasons[r] {
    input.user.failed_logins > 11
    input.transaction.amount < 16684
    input.transaction.type == "wallet"
    r := {"id": "R0597_thr", "w": 4}
}

reasons[r] {
    input.user.failed_logins > 7
    input.user.credit_score > 766
    r := {"id": "R0598_thr", "w": 17}
}

reasons[r] {
    some i
    input.history[i].amount > 3973
    input.history[i].country != input.location.country
    r := {"id": "R0599_iter", "w": 11}
}

reasons[r] {
    input.user.credit_score > 440
    input.velocity.count_24h > 106
    input.transaction.type == "wire"
    r := {"id": "R0600_thr", "w": 19}
}

reasons[r] {
    some t in input.tags
    t == "night"
    r := {"id": "R0601_iter", "w": 1}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 3192
    r := {"id": "R0602_mem", "w": 9}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/5.0 (Windows NT 5")
    input.user.age_days < 1222
    r := {"id": "R0603_pre", "w": 19}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 1707
    r := {"id": "R0604_mem", "w": 9}
}

reasons[r] {
    input.merchant.mcc in {"5122", "5541", "5812", "6051"}
    input.transaction.amount > 5041
    r := {"id": "R0605_mem", "w": 3}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 7087
    r := {"id": "R0606_mem", "w": 2}
}

reasons[r] {
    input.device.age_days < 318
    input.user.failed_logins > 7
    input.transaction.type == "card"
    r := {"id": "R0607_thr", "w": 3}
}

reasons[r] {
    input.device.age_days > 543
    input.user.age_days < 1522
    r := {"id": "R0608_thr", "w": 8}
}

reasons[r] {
    startswith(input.device.user_agent, "python-requests/")
    input.user.age_days < 1018
    r := {"id": "R0609_pre", "w": 19}
}

reasons[r] {
    input.velocity.count_24h >= 87
    input.user.failed_logins < 9
    r := {"id": "R0610_thr", "w": 6}
}

reasons[r] {
    some t in input.tags
    t == "gift_card"
    r := {"id": "R0611_iter", "w": 10}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 1739
    r := {"id": "R0612_iter", "w": 17}
}

reasons[r] {
    input.device.age_days > 327
    input.user.age_days < 1755
    r := {"id": "R0613_thr", "w": 8}
}

reasons[r] {
    input.device.age_days <= 577
    input.velocity.amount_24h < 26081
    r := {"id": "R0614_thr", "w": 19}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 2962
    r := {"id": "R0615_mem", "w": 11}
}

reasons[r] {
    input.device.age_days > 719
    input.user.failed_logins > 12
    input.transaction.type == "wallet"
    r := {"id": "R0616_thr", "w": 13}
}

reasons[r] {
    some i
    input.history[i].amount > 10216
    input.history[i].country != input.location.country
    r := {"id": "R0617_iter", "w": 1}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 5
    r := {"id": "R0618_cnt", "w": 10}
}

reasons[r] {
    startswith(input.device.user_agent, "okhttp/")
    input.user.age_days < 937
    r := {"id": "R0619_pre", "w": 14}
}

reasons[r] {
    input.user.failed_logins >= 6
    input.user.credit_score > 702
    r := {"id": "R0620_thr", "w": 7}
}

reasons[r] {
    input.transaction.amount > 139
    input.user.credit_score > 798
    r := {"id": "R0621_thr", "w": 20}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 256]) >= 5
    r := {"id": "R0622_cnt", "w": 19}
}

reasons[r] {
    input.user.failed_logins > 6
    input.device.age_days > 314
    r := {"id": "R0623_thr", "w": 5}
}

reasons[r] {
    input.user.credit_score > 644
    input.user.age_days < 299
    input.transaction.type == "card"
    r := {"id": "R0624_thr", "w": 17}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 3716]) >= 7
    r := {"id": "R0625_cnt", "w": 12}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/4.")
    input.user.age_days < 1449
    r := {"id": "R0626_pre", "w": 1}
}

reasons[r] {
    input.transaction.amount >= 9202
    input.user.failed_logins < 8
    r := {"id": "R0627_thr", "w": 17}
}

reasons[r] {
    input.transaction.amount <= 6770
    input.device.age_days < 136
    r := {"id": "R0628_thr", "w": 9}
}

reasons[r] {
    input.velocity.count_1h <= 39
    input.user.age_days > 1776
    input.transaction.type == "card"
    r := {"id": "R0629_thr", "w": 18}
}

reasons[r] {
    input.velocity.amount_24h <= 10295
    input.user.age_days < 1262
    input.transaction.type == "wire"
    r := {"id": "R0630_thr", "w": 3}
}

reasons[r] {
    input.device.age_days >= 729
    input.velocity.amount_24h < 7791
    r := {"id": "R0631_thr", "w": 18}
}

reasons[r] {
    input.velocity.count_1h >= 32
    input.user.age_days < 1390
    r := {"id": "R0632_thr", "w": 10}
}

reasons[r] {
    input.velocity.count_24h >= 80
    input.velocity.count_1h > 8
    r := {"id": "R0633_thr", "w": 13}
}

reasons[r] {
    input.velocity.amount_24h < 51555
    input.velocity.count_1h < 12
    r := {"id": "R0634_thr", "w": 8}
}

reasons[r] {
    some i
    input.history[i].amount > 13894
    input.history[i].country != input.location.country
    r := {"id": "R0635_iter", "w": 3}
}

reasons[r] {
    input.velocity.count_1h > 36
    input.user.failed_logins < 7
    r := {"id": "R0636_thr", "w": 9}
}

reasons[r] {
    input.user.credit_score >= 454
    input.transaction.amount > 12126
    r := {"id": "R0637_thr", "w": 18}
}

reasons[r] {
    input.user.credit_score >= 597
    input.device.age_days > 887
    r := {"id": "R0638_thr", "w": 2}
}

reasons[r] {
    input.velocity.amount_24h < 38060
    input.user.age_days < 209
    r := {"id": "R0639_thr", "w": 4}
}

reasons[r] {
    input.device.age_days <= 443
    input.user.credit_score < 385
    input.transaction.type == "wire"
    r := {"id": "R0640_thr", "w": 8}
}

reasons[r] {
    input.user.failed_logins < 10
    input.velocity.count_1h < 38
    input.transaction.type == "ach"
    r := {"id": "R0641_thr", "w": 5}
}

reasons[r] {
    input.user.credit_score >= 362
    input.velocity.count_1h < 35
    r := {"id": "R0642_thr", "w": 4}
}

reasons[r] {
    some t in input.tags
    t == "tor"
    r := {"id": "R0643_iter", "w": 4}
}

reasons[r] {
    input.velocity.count_1h < 3
    input.user.credit_score < 750
    input.transaction.type == "crypto"
    r := {"id": "R0644_thr", "w": 15}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/5.0 (Windows NT 5")
    input.user.age_days < 1329
    r := {"id": "R0645_pre", "w": 2}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/5.0 (Windows NT 5")
    input.user.age_days < 953
    r := {"id": "R0646_pre", "w": 5}
}

reasons[r] {
    input.velocity.amount_24h < 56745
    input.transaction.amount < 4590
    input.transaction.type == "ach"
    r := {"id": "R0647_thr", "w": 7}
}

reasons[r] {
    startswith(input.user.email, "noreply")
    input.user.age_days < 510
    r := {"id": "R0648_pre", "w": 16}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 4888
    r := {"id": "R0649_mem", "w": 19}
}

reasons[r] {
    input.velocity.count_1h <= 13
    input.device.age_days < 865
    r := {"id": "R0650_thr", "w": 17}
}

reasons[r] {
    input.device.age_days >= 428
    input.user.age_days < 484
    r := {"id": "R0651_thr", "w": 19}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 663
    r := {"id": "R0652_iter", "w": 7}
}

reasons[r] {
    input.velocity.count_24h >= 18
    input.velocity.count_1h > 17
    r := {"id": "R0653_thr", "w": 8}
}

reasons[r] {
    startswith(input.device.user_agent, "python-requests/")
    input.user.age_days < 695
    r := {"id": "R0654_pre", "w": 17}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 559
    r := {"id": "R0655_iter", "w": 15}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 1514
    r := {"id": "R0656_mem", "w": 9}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 2
    r := {"id": "R0657_cnt", "w": 18}
}

reasons[r] {
    input.transaction.amount >= 166
    input.velocity.count_24h < 85
    r := {"id": "R0658_thr", "w": 15}
}

reasons[r] {
    input.location.country in {"DE", "GB", "KE", "PH", "RU"}
    input.transaction.amount > 5704
    r := {"id": "R0659_mem", "w": 7}
}

reasons[r] {
    input.user.age_days < 1359
    input.velocity.amount_24h > 29489
    input.transaction.type == "card"
    r := {"id": "R0660_thr", "w": 17}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/4.")
    input.user.age_days < 830
    r := {"id": "R0661_pre", "w": 1}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 1485
    r := {"id": "R0662_mem", "w": 14}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 887]) >= 6
    r := {"id": "R0663_cnt", "w": 9}
}

reasons[r] {
    input.user.age_days <= 393
    input.user.credit_score > 355
    r := {"id": "R0664_thr", "w": 10}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 1390
    r := {"id": "R0665_mem", "w": 1}
}

reasons[r] {
    input.user.failed_logins > 6
    input.user.age_days < 124
    input.transaction.type == "wallet"
    r := {"id": "R0666_thr", "w": 19}
}

reasons[r] {
    some i
    input.history[i].amount > 3972
    input.history[i].country != input.location.country
    r := {"id": "R0667_iter", "w": 15}
}

reasons[r] {
    input.user.credit_score >= 717
    input.device.age_days < 563
    r := {"id": "R0668_thr", "w": 5}
}

reasons[r] {
    startswith(input.device.user_agent, "curl/")
    input.user.age_days < 1071
    r := {"id": "R0669_pre", "w": 19}
}

reasons[r] {
    input.user.failed_logins < 2
    input.transaction.amount < 8275
    r := {"id": "R0670_thr", "w": 20}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/5.0 (Windows NT 5")
    input.user.age_days < 706
    r := {"id": "R0671_pre", "w": 18}
}

reasons[r] {
    input.velocity.count_24h > 114
    input.transaction.amount > 12100
    input.transaction.type == "crypto"
    r := {"id": "R0672_thr", "w": 4}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 2158
    r := {"id": "R0673_mem", "w": 19}
}

reasons[r] {
    startswith(input.user.email, "test")
    input.user.age_days < 677
    r := {"id": "R0674_pre", "w": 18}
}

reasons[r] {
    input.user.credit_score > 419
    input.user.age_days < 380
    r := {"id": "R0675_thr", "w": 18}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 6
    r := {"id": "R0676_cnt", "w": 9}
}

reasons[r] {
    input.merchant.mcc in {"4511", "5122", "5812", "7011"}
    input.transaction.amount > 7970
    r := {"id": "R0677_mem", "w": 18}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 3821
    r := {"id": "R0678_iter", "w": 13}
}

reasons[r] {
    input.velocity.count_24h <= 106
    input.transaction.amount > 3224
    r := {"id": "R0679_thr", "w": 7}
}

reasons[r] {
    input.transaction.amount >= 8381
    input.velocity.count_24h < 104
    r := {"id": "R0680_thr", "w": 4}
}

reasons[r] {
    input.user.credit_score <= 583
    input.velocity.count_1h > 33
    r := {"id": "R0681_thr", "w": 3}
}

reasons[r] {
    input.transaction.amount >= 1261
    input.user.failed_logins < 1
    r := {"id": "R0682_thr", "w": 10}
}

reasons[r] {
    startswith(input.user.email, "a")
    input.user.age_days < 1057
    r := {"id": "R0683_pre", "w": 12}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 519]) >= 7
    r := {"id": "R0684_cnt", "w": 19}
}

reasons[r] {
    input.transaction.amount <= 12007
    input.user.age_days > 203
    r := {"id": "R0685_thr", "w": 11}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/4.")
    input.user.age_days < 279
    r := {"id": "R0686_pre", "w": 14}
}

reasons[r] {
    input.transaction.amount > 3818
    input.device.age_days < 385
    input.transaction.type == "wallet"
    r := {"id": "R0687_thr", "w": 4}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 1495
    r := {"id": "R0688_mem", "w": 2}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 2440]) >= 10
    r := {"id": "R0689_cnt", "w": 5}
}

reasons[r] {
    startswith(input.user.email, "x")
    input.user.age_days < 772
    r := {"id": "R0690_pre", "w": 3}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 3204
    r := {"id": "R0691_mem", "w": 10}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 4
    r := {"id": "R0692_cnt", "w": 11}
}

reasons[r] {
    some i
    input.history[i].amount > 1553
    input.history[i].country != input.location.country
    r := {"id": "R0693_iter", "w": 10}
}

reasons[r] {
    input.location.country in {"CN", "DE", "FR", "RO", "UA"}
    input.transaction.amount > 5585
    r := {"id": "R0694_mem", "w": 3}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 878]) >= 7
    r := {"id": "R0695_cnt", "w": 12}
}

reasons[r] {
    some t in input.tags
    t == "cross_border"
    r := {"id": "R0696_iter", "w": 15}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 4854]) >= 7
    r := {"id": "R0697_cnt", "w": 16}
}

reasons[r] {
    input.location.country in {"IN", "KE", "MX", "UA", "US"}
    input.transaction.amount > 1908
    r := {"id": "R0698_mem", "w": 19}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 7532
    r := {"id": "R0699_mem", "w": 14}
}

reasons[r] {
    input.location.country in {"CN", "ID", "IN", "RO", "UA"}
    input.transaction.amount > 5103
    r := {"id": "R0700_mem", "w": 17}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 1982
    r := {"id": "R0701_mem", "w": 11}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 1952
    r := {"id": "R0702_mem", "w": 8}
}

reasons[r] {
    startswith(input.device.user_agent, "okhttp/")
    input.user.age_days < 725
    r := {"id": "R0703_pre", "w": 14}
}

reasons[r] {
    input.device.age_days > 13
    input.velocity.count_24h > 118
    r := {"id": "R0704_thr", "w": 15}
}

reasons[r] {
    startswith(input.user.email, "admin")
    input.user.age_days < 401
    r := {"id": "R0705_pre", "w": 20}
}

reasons[r] {
    input.velocity.count_1h > 40
    input.transaction.amount > 18956
    r := {"id": "R0706_thr", "w": 17}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 2
    r := {"id": "R0707_cnt", "w": 17}
}

reasons[r] {
    input.velocity.count_24h >= 112
    input.velocity.amount_24h < 39527
    r := {"id": "R0708_thr", "w": 18}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 4749
    r := {"id": "R0709_mem", "w": 13}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 763
    r := {"id": "R0710_mem", "w": 10}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 840
    r := {"id": "R0711_iter", "w": 17}
}

reasons[r] {
    startswith(input.user.email, "admin")
    input.user.age_days < 834
    r := {"id": "R0712_pre", "w": 13}
}

reasons[r] {
    some t in input.tags
    t == "gift_card"
    r := {"id": "R0713_iter", "w": 14}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/4.")
    input.user.age_days < 942
    r := {"id": "R0714_pre", "w": 19}
}

reasons[r] {
    startswith(input.user.email, "temp")
    input.user.age_days < 64
    r := {"id": "R0715_pre", "w": 19}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 5209
    r := {"id": "R0716_iter", "w": 11}
}

reasons[r] {
    input.user.failed_logins > 6
    input.velocity.amount_24h < 47627
    input.transaction.type == "wallet"
    r := {"id": "R0717_thr", "w": 18}
}

reasons[r] {
    input.velocity.amount_24h >= 58802
    input.user.failed_logins > 5
    r := {"id": "R0718_thr", "w": 15}
}

reasons[r] {
    input.location.country in {"FR", "KE", "NG", "US", "VN"}
    input.transaction.amount > 7110
    r := {"id": "R0719_mem", "w": 18}
}

reasons[r] {
    input.location.country in {"CN", "DE", "ID", "NG", "VN"}
    input.transaction.amount > 7620
    r := {"id": "R0720_mem", "w": 7}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 889
    r := {"id": "R0721_mem", "w": 3}
}

reasons[r] {
    startswith(input.device.user_agent, "curl/")
    input.user.age_days < 380
    r := {"id": "R0722_pre", "w": 1}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/4.")
    input.user.age_days < 412
    r := {"id": "R0723_pre", "w": 14}
}

reasons[r] {
    input.transaction.amount >= 762
    input.user.age_days < 1015
    r := {"id": "R0724_thr", "w": 3}
}

reasons[r] {
    input.user.age_days < 309
    input.velocity.count_1h > 4
    r := {"id": "R0725_thr", "w": 3}
}

reasons[r] {
    startswith(input.user.email, "admin")
    input.user.age_days < 795
    r := {"id": "R0726_pre", "w": 14}
}

reasons[r] {
    input.device.age_days < 787
    input.user.age_days < 1743
    r := {"id": "R0727_thr", "w": 20}
}

reasons[r] {
    input.user.failed_logins < 1
    input.device.age_days < 591
    r := {"id": "R0728_thr", "w": 9}
}

reasons[r] {
    input.location.country in {"CN", "KE", "MX", "PK", "UA"}
    input.transaction.amount > 1631
    r := {"id": "R0729_mem", "w": 14}
}

reasons[r] {
    startswith(input.device.user_agent, "okhttp/")
    input.user.age_days < 1074
    r := {"id": "R0730_pre", "w": 10}
}

reasons[r] {
    input.velocity.count_24h >= 20
    input.transaction.amount > 10402
    input.transaction.type == "card"
    r := {"id": "R0731_thr", "w": 8}
}

reasons[r] {
    some t in input.tags
    t == "cross_border"
    r := {"id": "R0732_iter", "w": 15}
}

reasons[r] {
    input.velocity.count_24h < 37
    input.transaction.amount < 14668
    r := {"id": "R0733_thr", "w": 19}
}

reasons[r] {
    input.velocity.count_1h < 36
    input.user.age_days > 1150
    r := {"id": "R0734_thr", "w": 8}
}

reasons[r] {
    startswith(input.user.email, "temp")
    input.user.age_days < 1371
    r := {"id": "R0735_pre", "w": 5}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 561
    r := {"id": "R0736_iter", "w": 2}
}

reasons[r] {
    input.velocity.count_24h <= 70
    input.transaction.amount > 4407
    r := {"id": "R0737_thr", "w": 13}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 6319
    r := {"id": "R0738_iter", "w": 6}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 4180
    r := {"id": "R0739_mem", "w": 5}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 69
    r := {"id": "R0740_mem", "w": 10}
}

reasons[r] {
    input.user.failed_logins >= 2
    input.velocity.count_1h > 4
    input.transaction.type == "wallet"
    r := {"id": "R0741_thr", "w": 9}
}

reasons[r] {
    input.user.failed_logins > 12
    input.transaction.amount < 8442
    r := {"id": "R0742_thr", "w": 13}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 5625
    r := {"id": "R0743_mem", "w": 6}
}

reasons[r] {
    input.transaction.amount > 19730
    input.user.age_days < 944
    r := {"id": "R0744_thr", "w": 2}
}

reasons[r] {
    input.user.age_days >= 349
    input.velocity.amount_24h < 43562
    r := {"id": "R0745_thr", "w": 9}
}

reasons[r] {
    some i
    input.history[i].amount > 4254
    input.history[i].country != input.location.country
    r := {"id": "R0746_iter", "w": 18}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 6121
    r := {"id": "R0747_iter", "w": 7}
}

reasons[r] {
    input.device.age_days >= 164
    input.velocity.count_24h < 45
    r := {"id": "R0748_thr", "w": 17}
}

reasons[r] {
    startswith(input.device.user_agent, "okhttp/")
    input.user.age_days < 520
    r := {"id": "R0749_pre", "w": 8}
}

reasons[r] {
    input.velocity.count_24h >= 116
    input.user.failed_logins < 12
    r := {"id": "R0750_thr", "w": 4}
}

reasons[r] {
    input.user.credit_score >= 765
    input.device.age_days < 44
    r := {"id": "R0751_thr", "w": 19}
}

reasons[r] {
    input.velocity.count_24h > 103
    input.transaction.amount < 11603
    r := {"id": "R0752_thr", "w": 7}
}

reasons[r] {
    input.velocity.count_1h >= 21
    input.device.age_days > 296
    r := {"id": "R0753_thr", "w": 7}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 6147
    r := {"id": "R0754_iter", "w": 6}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 4512
    r := {"id": "R0755_mem", "w": 19}
}

reasons[r] {
    input.device.age_days > 675
    input.user.credit_score < 841
    r := {"id": "R0756_thr", "w": 1}
}

reasons[r] {
    startswith(input.device.user_agent, "Dalvik/")
    input.user.age_days < 1059
    r := {"id": "R0757_pre", "w": 17}
}

reasons[r] {
    input.velocity.count_1h < 35
    input.transaction.amount < 5159
    input.transaction.type == "crypto"
    r := {"id": "R0758_thr", "w": 14}
}

reasons[r] {
    input.location.country in {"BR", "IN", "KE", "TR", "UA"}
    input.transaction.amount > 7128
    r := {"id": "R0759_mem", "w": 19}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 2591]) >= 7
    r := {"id": "R0760_cnt", "w": 15}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 2
    r := {"id": "R0761_cnt", "w": 7}
}

reasons[r] {
    input.user.credit_score >= 473
    input.velocity.count_24h < 68
    r := {"id": "R0762_thr", "w": 11}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 3361]) >= 9
    r := {"id": "R0763_cnt", "w": 17}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 5
    r := {"id": "R0764_cnt", "w": 14}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 8267
    r := {"id": "R0765_iter", "w": 3}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 7205
    r := {"id": "R0766_mem", "w": 19}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 545
    r := {"id": "R0767_mem", "w": 1}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 3338
    r := {"id": "R0768_mem", "w": 18}
}

reasons[r] {
    input.velocity.count_1h <= 6
    input.transaction.amount < 12802
    r := {"id": "R0769_thr", "w": 15}
}

reasons[r] {
    some t in input.tags
    t == "new_device"
    r := {"id": "R0770_iter", "w": 4}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 4125
    r := {"id": "R0771_iter", "w": 10}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 3
    r := {"id": "R0772_cnt", "w": 7}
}

reasons[r] {
    startswith(input.device.user_agent, "curl/")
    input.user.age_days < 109
    r := {"id": "R0773_pre", "w": 7}
}

reasons[r] {
    input.user.credit_score > 481
    input.velocity.count_24h < 20
    input.transaction.type == "wire"
    r := {"id": "R0774_thr", "w": 10}
}

reasons[r] {
    startswith(input.user.email, "temp")
    input.user.age_days < 871
    r := {"id": "R0775_pre", "w": 20}
}

reasons[r] {
    input.transaction.amount <= 14878
    input.velocity.count_1h < 30
    r := {"id": "R0776_thr", "w": 17}
}

reasons[r] {
    startswith(input.device.user_agent, "okhttp/")
    input.user.age_days < 881
    r := {"id": "R0777_pre", "w": 18}
}

reasons[r] {
    startswith(input.user.email, "noreply")
    input.user.age_days < 166
    r := {"id": "R0778_pre", "w": 1}
}

reasons[r] {
    some i
    input.history[i].amount > 7688
    input.history[i].country != input.location.country
    r := {"id": "R0779_iter", "w": 10}
}

reasons[r] {
    input.velocity.amount_24h < 5725
    input.user.failed_logins < 8
    r := {"id": "R0780_thr", "w": 10}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 7695
    r := {"id": "R0781_iter", "w": 4}
}

reasons[r] {
    some i
    input.history[i].amount > 5169
    input.history[i].country != input.location.country
    r := {"id": "R0782_iter", "w": 8}
}

reasons[r] {
    input.merchant.mcc in {"4829", "5541", "5732", "5944"}
    input.transaction.amount > 2299
    r := {"id": "R0783_mem", "w": 18}
}

reasons[r] {
    some t in input.tags
    t == "night"
    r := {"id": "R0784_iter", "w": 5}
}

reasons[r] {
    startswith(input.device.user_agent, "Java/1.")
    input.user.age_days < 1497
    r := {"id": "R0785_pre", "w": 7}
}

reasons[r] {
    input.velocity.count_24h <= 96
    input.velocity.amount_24h > 21459
    r := {"id": "R0786_thr", "w": 10}
}

reasons[r] {
    input.transaction.amount > 9704
    input.user.failed_logins < 8
    r := {"id": "R0787_thr", "w": 15}
}

reasons[r] {
    input.user.age_days > 130
    input.velocity.count_24h > 39
    r := {"id": "R0788_thr", "w": 16}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 7060
    r := {"id": "R0789_mem", "w": 14}
}

reasons[r] {
    startswith(input.user.email, "a")
    input.user.age_days < 21
    r := {"id": "R0790_pre", "w": 4}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 6436
    r := {"id": "R0791_mem", "w": 8}
}

reasons[r] {
    input.user.age_days < 625
    input.velocity.count_1h > 7
    input.transaction.type == "crypto"
    r := {"id": "R0792_thr", "w": 11}
}

reasons[r] {
    startswith(input.device.user_agent, "Java/1.")
    input.user.age_days < 303
    r := {"id": "R0793_pre", "w": 1}
}

reasons[r] {
    input.user.age_days < 1494
    input.transaction.amount > 1456
    r := {"id": "R0794_thr", "w": 19}
}

reasons[r] {
    some t in input.tags
    t == "night"
    r := {"id": "R0795_iter", "w": 6}
}

reasons[r] {
    input.location.country in {"BR", "DE", "NG", "PH", "RO"}
    input.transaction.amount > 4899
    r := {"id": "R0796_mem", "w": 19}
}

reasons[r] {
    input.merchant.mcc in {"4511", "5541", "5967", "6051"}
    input.transaction.amount > 590
    r := {"id": "R0797_mem", "w": 6}
}

reasons[r] {
    input.merchant.mcc in {"5912", "5967", "6011", "7011"}
    input.transaction.amount > 2159
    r := {"id": "R0798_mem", "w": 13}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 3
    r := {"id": "R0799_cnt", "w": 16}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 4900]) >= 3
    r := {"id": "R0800_cnt", "w": 5}
}

reasons[r] {
    input.merchant.mcc in {"5732", "5967", "6011", "7011"}
    input.transaction.amount > 3682
    r := {"id": "R0801_mem", "w": 11}
}

reasons[r] {
    startswith(input.device.user_agent, "Java/1.")
    input.user.age_days < 1254
    r := {"id": "R0802_pre", "w": 17}
}

reasons[r] {
    input.user.age_days <= 221
    input.user.credit_score < 808
    r := {"id": "R0803_thr", "w": 13}
}

reasons[r] {
    input.device.age_days >= 179
    input.transaction.amount > 5204
    input.transaction.type == "card"
    r := {"id": "R0804_thr", "w": 2}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 3283
    r := {"id": "R0805_mem", "w": 13}
}

reasons[r] {
    input.device.age_days >= 680
    input.user.credit_score > 578
    input.transaction.type == "wallet"
    r := {"id": "R0806_thr", "w": 11}
}

reasons[r] {
    input.transaction.amount <= 17686
    input.velocity.count_24h > 35
    input.transaction.type == "wire"
    r := {"id": "R0807_thr", "w": 15}
}

reasons[r] {
    input.location.country in {"EG", "IN", "US", "VN", "ZA"}
    input.transaction.amount > 2741
    r := {"id": "R0808_mem", "w": 2}
}

reasons[r] {
    input.velocity.amount_24h >= 58146
    input.transaction.amount < 13931
    r := {"id": "R0809_thr", "w": 5}
}

reasons[r] {
    input.velocity.count_24h >= 115
    input.user.credit_score > 837
    r := {"id": "R0810_thr", "w": 7}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 8347
    r := {"id": "R0811_iter", "w": 18}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 1092]) >= 10
    r := {"id": "R0812_cnt", "w": 9}
}

reasons[r] {
    input.velocity.amount_24h >= 28747
    input.device.age_days < 187
    input.transaction.type == "card"
    r := {"id": "R0813_thr", "w": 9}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 1825
    r := {"id": "R0814_iter", "w": 19}
}

reasons[r] {
    input.device.age_days <= 283
    input.transaction.amount > 12217
    r := {"id": "R0815_thr", "w": 16}
}

reasons[r] {
    startswith(input.device.user_agent, "okhttp/")
    input.user.age_days < 1281
    r := {"id": "R0816_pre", "w": 4}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 7250
    r := {"id": "R0817_iter", "w": 8}
}

reasons[r] {
    input.user.failed_logins <= 4
    input.device.age_days < 533
    r := {"id": "R0818_thr", "w": 10}
}

reasons[r] {
    input.user.credit_score >= 514
    input.device.age_days > 361
    input.transaction.type == "crypto"
    r := {"id": "R0819_thr", "w": 3}
}

reasons[r] {
    input.velocity.count_1h < 7
    input.device.age_days > 112
    r := {"id": "R0820_thr", "w": 10}
}

reasons[r] {
    startswith(input.user.email, "temp")
    input.user.age_days < 625
    r := {"id": "R0821_pre", "w": 18}
}

reasons[r] {
    input.transaction.amount < 10708
    input.user.failed_logins < 10
    r := {"id": "R0822_thr", "w": 18}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/5.0 (Windows NT 5")
    input.user.age_days < 375
    r := {"id": "R0823_pre", "w": 18}
}

reasons[r] {
    input.velocity.count_24h >= 29
    input.velocity.count_1h < 26
    r := {"id": "R0824_thr", "w": 19}
}

reasons[r] {
    input.velocity.count_1h > 28
    input.velocity.count_24h < 109
    r := {"id": "R0825_thr", "w": 15}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 1354]) >= 8
    r := {"id": "R0826_cnt", "w": 20}
}

reasons[r] {
    input.user.failed_logins >= 5
    input.velocity.count_1h > 39
    r := {"id": "R0827_thr", "w": 17}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/5.0 (Windows NT 5")
    input.user.age_days < 1248
    r := {"id": "R0828_pre", "w": 15}
}

reasons[r] {
    input.velocity.count_1h >= 21
    input.user.age_days < 1900
    r := {"id": "R0829_thr", "w": 13}
}

reasons[r] {
    some i
    input.history[i].amount > 1475
    input.history[i].country != input.location.country
    r := {"id": "R0830_iter", "w": 12}
}

reasons[r] {
    input.device.age_days <= 454
    input.user.age_days > 1393
    r := {"id": "R0831_thr", "w": 8}
}

reasons[r] {
    input.user.age_days < 1258
    input.device.age_days > 470
    r := {"id": "R0832_thr", "w": 7}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 181
    r := {"id": "R0833_mem", "w": 14}
}

reasons[r] {
    input.location.country in {"DE", "IN", "US", "VN", "ZA"}
    input.transaction.amount > 7858
    r := {"id": "R0834_mem", "w": 7}
}

reasons[r] {
    startswith(input.user.email, "noreply")
    input.user.age_days < 371
    r := {"id": "R0835_pre", "w": 3}
}

reasons[r] {
    startswith(input.user.email, "admin")
    input.user.age_days < 52
    r := {"id": "R0836_pre", "w": 14}
}

reasons[r] {
    input.transaction.amount <= 3946
    input.user.credit_score < 548
    r := {"id": "R0837_thr", "w": 15}
}

reasons[r] {
    some t in input.tags
    t == "tor"
    r := {"id": "R0838_iter", "w": 19}
}

reasons[r] {
    input.velocity.count_24h < 94
    input.transaction.amount < 5770
    r := {"id": "R0839_thr", "w": 15}
}

reasons[r] {
    input.velocity.count_1h > 3
    input.user.failed_logins > 3
    r := {"id": "R0840_thr", "w": 11}
}

reasons[r] {
    input.user.age_days > 633
    input.velocity.amount_24h > 56610
    input.transaction.type == "wallet"
    r := {"id": "R0841_thr", "w": 11}
}

reasons[r] {
    input.transaction.amount <= 6037
    input.velocity.count_1h < 28
    r := {"id": "R0842_thr", "w": 4}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 575
    r := {"id": "R0843_mem", "w": 15}
}

reasons[r] {
    input.velocity.amount_24h > 9448
    input.user.age_days < 849
    r := {"id": "R0844_thr", "w": 4}
}

reasons[r] {
    input.transaction.amount > 12837
    input.device.age_days > 284
    r := {"id": "R0845_thr", "w": 13}
}

reasons[r] {
    some i
    input.history[i].amount > 17874
    input.history[i].country != input.location.country
    r := {"id": "R0846_iter", "w": 3}
}

reasons[r] {
    input.velocity.amount_24h < 4710
    input.velocity.count_24h < 68
    r := {"id": "R0847_thr", "w": 19}
}

reasons[r] {
    input.merchant.mcc in {"5967", "6011", "6051", "7011"}
    input.transaction.amount > 7204
    r := {"id": "R0848_mem", "w": 17}
}

reasons[r] {
    input.velocity.count_1h < 9
    input.device.age_days < 732
    r := {"id": "R0849_thr", "w": 13}
}

reasons[r] {
    some i
    input.history[i].amount > 13116
    input.history[i].country != input.location.country
    r := {"id": "R0850_iter", "w": 20}
}

reasons[r] {
    startswith(input.device.user_agent, "Dalvik/")
    input.user.age_days < 1157
    r := {"id": "R0851_pre", "w": 12}
}

reasons[r] {
    input.velocity.count_24h > 116
    input.user.credit_score > 390
    r := {"id": "R0852_thr", "w": 19}
}

reasons[r] {
    input.device.age_days < 736
    input.transaction.amount < 6776
    r := {"id": "R0853_thr", "w": 10}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 1985
    r := {"id": "R0854_iter", "w": 1}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 1433
    r := {"id": "R0855_mem", "w": 14}
}

reasons[r] {
    some t in input.tags
    t == "gift_card"
    r := {"id": "R0856_iter", "w": 10}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 4
    r := {"id": "R0857_cnt", "w": 10}
}

reasons[r] {
    some t in input.tags
    t == "cross_border"
    r := {"id": "R0858_iter", "w": 4}
}

reasons[r] {
    input.merchant.mcc in {"4829", "6051", "7011", "7995"}
    input.transaction.amount > 4514
    r := {"id": "R0859_mem", "w": 20}
}

reasons[r] {
    input.velocity.amount_24h > 48135
    input.user.age_days < 386
    r := {"id": "R0860_thr", "w": 5}
}

reasons[r] {
    input.user.age_days < 737
    input.velocity.count_24h < 106
    r := {"id": "R0861_thr", "w": 2}
}

reasons[r] {
    startswith(input.user.email, "noreply")
    input.user.age_days < 715
    r := {"id": "R0862_pre", "w": 18}
}

reasons[r] {
    input.velocity.count_24h < 110
    input.device.age_days > 404
    input.transaction.type == "wallet"
    r := {"id": "R0863_thr", "w": 2}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 3034
    r := {"id": "R0864_mem", "w": 18}
}

reasons[r] {
    input.velocity.amount_24h < 1188
    input.user.age_days < 1939
    input.transaction.type == "wallet"
    r := {"id": "R0865_thr", "w": 10}
}

reasons[r] {
    input.device.age_days < 438
    input.transaction.amount < 16309
    r := {"id": "R0866_thr", "w": 1}
}

reasons[r] {
    input.velocity.count_24h > 114
    input.transaction.amount < 1310
    r := {"id": "R0867_thr", "w": 12}
}

reasons[r] {
    input.device.age_days <= 340
    input.velocity.amount_24h > 8598
    r := {"id": "R0868_thr", "w": 15}
}

reasons[r] {
    input.location.country in {"DE", "NG", "PK", "TR", "UA"}
    input.transaction.amount > 6948
    r := {"id": "R0869_mem", "w": 2}
}

reasons[r] {
    input.user.failed_logins <= 2
    input.velocity.count_24h < 110
    r := {"id": "R0870_thr", "w": 10}
}

reasons[r] {
    input.velocity.count_24h <= 15
    input.velocity.amount_24h > 52589
    input.transaction.type == "wallet"
    r := {"id": "R0871_thr", "w": 9}
}

reasons[r] {
    input.merchant.mcc in {"4511", "5967", "7011", "7995"}
    input.transaction.amount > 1038
    r := {"id": "R0872_mem", "w": 10}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 7881
    r := {"id": "R0873_iter", "w": 16}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/4.")
    input.user.age_days < 1192
    r := {"id": "R0874_pre", "w": 5}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 4034
    r := {"id": "R0875_mem", "w": 15}
}

reasons[r] {
    input.device.age_days <= 385
    input.velocity.count_1h < 39
    r := {"id": "R0876_thr", "w": 10}
}

reasons[r] {
    input.device.age_days >= 828
    input.user.failed_logins > 11
    input.transaction.type == "card"
    r := {"id": "R0877_thr", "w": 14}
}

reasons[r] {
    input.location.country in {"GB", "IN", "MX", "UA", "ZA"}
    input.transaction.amount > 2840
    r := {"id": "R0878_mem", "w": 3}
}

reasons[r] {
    input.merchant.mcc in {"5122", "5541", "5812", "5999"}
    input.transaction.amount > 6838
    r := {"id": "R0879_mem", "w": 8}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 5
    r := {"id": "R0880_cnt", "w": 11}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 1382
    r := {"id": "R0881_iter", "w": 18}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 1507]) >= 2
    r := {"id": "R0882_cnt", "w": 11}
}

reasons[r] {
    input.user.failed_logins <= 8
    input.device.age_days < 409
    r := {"id": "R0883_thr", "w": 8}
}

reasons[r] {
    some i
    input.history[i].amount > 9603
    input.history[i].country != input.location.country
    r := {"id": "R0884_iter", "w": 7}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 3517]) >= 4
    r := {"id": "R0885_cnt", "w": 17}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 3880]) >= 6
    r := {"id": "R0886_cnt", "w": 19}
}

reasons[r] {
    some t in input.tags
    t == "tor"
    r := {"id": "R0887_iter", "w": 15}
}

reasons[r] {
    input.user.failed_logins < 5
    input.transaction.amount > 3978
    r := {"id": "R0888_thr", "w": 14}
}

reasons[r] {
    input.velocity.amount_24h > 2154
    input.user.age_days < 1518
    input.transaction.type == "wire"
    r := {"id": "R0889_thr", "w": 14}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 1179]) >= 9
    r := {"id": "R0890_cnt", "w": 17}
}

reasons[r] {
    input.location.country in {"BR", "ID", "IN", "TR", "US"}
    input.transaction.amount > 686
    r := {"id": "R0891_mem", "w": 14}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 1482
    r := {"id": "R0892_mem", "w": 13}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 4178]) >= 9
    r := {"id": "R0893_cnt", "w": 4}
}

reasons[r] {
    input.velocity.count_1h < 29
    input.velocity.amount_24h < 50774
    r := {"id": "R0894_thr", "w": 7}
}

reasons[r] {
    input.transaction.amount <= 8947
    input.device.age_days < 84
    r := {"id": "R0895_thr", "w": 18}
}

reasons[r] {
    startswith(input.user.email, "admin")
    input.user.age_days < 507
    r := {"id": "R0896_pre", "w": 13}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 5640
    r := {"id": "R0897_iter", "w": 9}
}

reasons[r] {
    input.device.age_days >= 222
    input.user.credit_score < 668
    r := {"id": "R0898_thr", "w": 10}
}

reasons[r] {
    input.transaction.amount <= 2367
    input.user.credit_score > 824
    r := {"id": "R0899_thr", "w": 20}
}

reasons[r] {
    some i
    input.history[i].amount > 10213
    input.history[i].country != input.location.country
    r := {"id": "R0900_iter", "w": 10}
}

reasons[r] {
    input.merchant.mcc in {"5122", "5411", "7011", "7995"}
    input.transaction.amount > 4866
    r := {"id": "R0901_mem", "w": 19}
}

reasons[r] {
    input.device.age_days > 883
    input.transaction.amount > 7220
    input.transaction.type == "card"
    r := {"id": "R0902_thr", "w": 11}
}

reasons[r] {
    input.velocity.count_1h > 35
    input.user.failed_logins < 7
    r := {"id": "R0903_thr", "w": 4}
}

reasons[r] {
    input.location.country in {"EG", "GB", "ID", "IN", "TR"}
    input.transaction.amount > 6500
    r := {"id": "R0904_mem", "w": 17}
}

reasons[r] {
    some i
    input.history[i].amount > 5756
    input.history[i].country != input.location.country
    r := {"id": "R0905_iter", "w": 2}
}

reasons[r] {
    startswith(input.user.email, "test")
    input.user.age_days < 68
    r := {"id": "R0906_pre", "w": 11}
}

reasons[r] {
    some i
    input.history[i].amount > 6599
    input.history[i].country != input.location.country
    r := {"id": "R0907_iter", "w": 1}
}

reasons[r] {
    input.user.credit_score <= 558
    input.velocity.count_1h > 40
    r := {"id": "R0908_thr", "w": 16}
}

reasons[r] {
    input.user.failed_logins < 4
    input.velocity.amount_24h > 47025
    r := {"id": "R0909_thr", "w": 16}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 4781
    r := {"id": "R0910_mem", "w": 1}
}

reasons[r] {
    some t in input.tags
    t == "gift_card"
    r := {"id": "R0911_iter", "w": 14}
}

reasons[r] {
    some i
    input.history[i].amount > 14353
    input.history[i].country != input.location.country
    r := {"id": "R0912_iter", "w": 9}
}

reasons[r] {
    startswith(input.user.email, "a")
    input.user.age_days < 303
    r := {"id": "R0913_pre", "w": 13}
}

reasons[r] {
    input.velocity.amount_24h > 47636
    input.user.credit_score < 482
    r := {"id": "R0914_thr", "w": 5}
}

reasons[r] {
    input.velocity.count_1h <= 22
    input.user.age_days > 295
    input.transaction.type == "wallet"
    r := {"id": "R0915_thr", "w": 5}
}

reasons[r] {
    input.device.age_days < 252
    input.velocity.count_24h < 26
    r := {"id": "R0916_thr", "w": 4}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 6674
    r := {"id": "R0917_mem", "w": 4}
}

reasons[r] {
    some i
    input.history[i].amount > 9722
    input.history[i].country != input.location.country
    r := {"id": "R0918_iter", "w": 20}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 2740
    r := {"id": "R0919_iter", "w": 6}
}

reasons[r] {
    startswith(input.user.email, "noreply")
    input.user.age_days < 1356
    r := {"id": "R0920_pre", "w": 18}
}

reasons[r] {
    input.user.failed_logins > 7
    input.user.age_days > 497
    r := {"id": "R0921_thr", "w": 18}
}

reasons[r] {
    some t in input.tags
    t == "vpn"
    r := {"id": "R0922_iter", "w": 9}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 2153
    r := {"id": "R0923_iter", "w": 3}
}

reasons[r] {
    startswith(input.user.email, "a")
    input.user.age_days < 1309
    r := {"id": "R0924_pre", "w": 15}
}

reasons[r] {
    input.user.failed_logins < 3
    input.device.age_days > 758
    r := {"id": "R0925_thr", "w": 5}
}

reasons[r] {
    input.location.country in {"DE", "EG", "MX", "TR", "UA"}
    input.transaction.amount > 5615
    r := {"id": "R0926_mem", "w": 19}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 4098]) >= 9
    r := {"id": "R0927_cnt", "w": 11}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 1
    r := {"id": "R0928_cnt", "w": 1}
}

reasons[r] {
    input.user.failed_logins < 6
    input.user.credit_score < 737
    r := {"id": "R0929_thr", "w": 10}
}

reasons[r] {
    input.velocity.amount_24h > 35423
    input.device.age_days > 161
    r := {"id": "R0930_thr", "w": 20}
}

reasons[r] {
    data.lists.blocked_bins[input.card.bin]
    input.transaction.amount > 2098
    r := {"id": "R0931_mem", "w": 20}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 3
    r := {"id": "R0932_cnt", "w": 15}
}

reasons[r] {
    input.location.country in {"FR", "ID", "PH", "PK", "RO"}
    input.transaction.amount > 6673
    r := {"id": "R0933_mem", "w": 4}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 3
    r := {"id": "R0934_cnt", "w": 1}
}

reasons[r] {
    input.velocity.amount_24h > 12682
    input.user.credit_score < 509
    r := {"id": "R0935_thr", "w": 13}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/4.")
    input.user.age_days < 51
    r := {"id": "R0936_pre", "w": 13}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 6171
    r := {"id": "R0937_mem", "w": 10}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 6011
    r := {"id": "R0938_iter", "w": 15}
}

reasons[r] {
    startswith(input.device.user_agent, "python-requests/")
    input.user.age_days < 494
    r := {"id": "R0939_pre", "w": 1}
}

reasons[r] {
    input.user.age_days > 419
    input.user.credit_score < 473
    r := {"id": "R0940_thr", "w": 16}
}

reasons[r] {
    input.device.age_days <= 519
    input.velocity.amount_24h > 19098
    r := {"id": "R0941_thr", "w": 16}
}

reasons[r] {
    some i
    input.history[i].amount > 4943
    input.history[i].country != input.location.country
    r := {"id": "R0942_iter", "w": 4}
}

reasons[r] {
    startswith(input.user.email, "admin")
    input.user.age_days < 258
    r := {"id": "R0943_pre", "w": 17}
}

reasons[r] {
    input.velocity.amount_24h >= 28696
    input.user.age_days < 384
    r := {"id": "R0944_thr", "w": 15}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 1265]) >= 5
    r := {"id": "R0945_cnt", "w": 2}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 348
    r := {"id": "R0946_mem", "w": 5}
}

reasons[r] {
    input.velocity.count_24h > 92
    input.user.failed_logins > 7
    r := {"id": "R0947_thr", "w": 14}
}

reasons[r] {
    some i
    input.history[i].amount > 1367
    input.history[i].country != input.location.country
    r := {"id": "R0948_iter", "w": 7}
}

reasons[r] {
    input.user.credit_score > 783
    input.velocity.count_1h > 13
    r := {"id": "R0949_thr", "w": 6}
}

reasons[r] {
    input.velocity.amount_24h < 36354
    input.user.failed_logins > 5
    input.transaction.type == "card"
    r := {"id": "R0950_thr", "w": 14}
}

reasons[r] {
    some t in input.tags
    t == "gift_card"
    r := {"id": "R0951_iter", "w": 7}
}

reasons[r] {
    input.user.age_days >= 1090
    input.velocity.count_24h < 100
    input.transaction.type == "ach"
    r := {"id": "R0952_thr", "w": 17}
}

reasons[r] {
    input.merchant.mcc in {"4511", "5541", "5912", "7995"}
    input.transaction.amount > 7406
    r := {"id": "R0953_mem", "w": 1}
}

reasons[r] {
    input.location.country in {"GB", "IN", "PH", "PK", "TR"}
    input.transaction.amount > 7448
    r := {"id": "R0954_mem", "w": 8}
}

reasons[r] {
    startswith(input.device.user_agent, "Dalvik/")
    input.user.age_days < 1381
    r := {"id": "R0955_pre", "w": 2}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 3667
    r := {"id": "R0956_mem", "w": 4}
}

reasons[r] {
    input.merchant.mcc in {"5122", "6011", "6051", "7995"}
    input.transaction.amount > 7218
    r := {"id": "R0957_mem", "w": 10}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/5.0 (Windows NT 5")
    input.user.age_days < 420
    r := {"id": "R0958_pre", "w": 4}
}

reasons[r] {
    input.device.age_days >= 375
    input.user.failed_logins < 8
    input.transaction.type == "ach"
    r := {"id": "R0959_thr", "w": 6}
}

reasons[r] {
    input.user.credit_score > 700
    input.velocity.amount_24h > 47779
    input.transaction.type == "wallet"
    r := {"id": "R0960_thr", "w": 19}
}

reasons[r] {
    input.user.age_days >= 926
    input.velocity.count_24h < 54
    input.transaction.type == "ach"
    r := {"id": "R0961_thr", "w": 9}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 586
    r := {"id": "R0962_mem", "w": 18}
}

reasons[r] {
    input.merchant.mcc in {"4511", "5411", "5812", "6011"}
    input.transaction.amount > 477
    r := {"id": "R0963_mem", "w": 17}
}

reasons[r] {
    input.velocity.count_1h < 23
    input.user.credit_score > 410
    r := {"id": "R0964_thr", "w": 10}
}

reasons[r] {
    input.velocity.amount_24h > 27407
    input.transaction.amount < 16923
    r := {"id": "R0965_thr", "w": 7}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 6207
    r := {"id": "R0966_mem", "w": 6}
}

reasons[r] {
    startswith(input.user.email, "test")
    input.user.age_days < 1333
    r := {"id": "R0967_pre", "w": 8}
}

reasons[r] {
    input.device.age_days <= 583
    input.velocity.count_1h > 39
    input.transaction.type == "wallet"
    r := {"id": "R0968_thr", "w": 6}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 1880]) >= 4
    r := {"id": "R0969_cnt", "w": 16}
}

reasons[r] {
    input.velocity.count_24h <= 26
    input.user.credit_score < 800
    input.transaction.type == "wallet"
    r := {"id": "R0970_thr", "w": 12}
}

reasons[r] {
    startswith(input.device.user_agent, "okhttp/")
    input.user.age_days < 833
    r := {"id": "R0971_pre", "w": 14}
}

reasons[r] {
    input.velocity.count_1h > 32
    input.device.age_days > 647
    r := {"id": "R0972_thr", "w": 13}
}

reasons[r] {
    input.transaction.amount > 4913
    input.velocity.amount_24h < 6063
    r := {"id": "R0973_thr", "w": 20}
}

reasons[r] {
    input.merchant.id in data.lists.watch_merchants
    input.transaction.amount > 5640
    r := {"id": "R0974_mem", "w": 14}
}

reasons[r] {
    some i
    input.history[i].amount > 19423
    input.history[i].country != input.location.country
    r := {"id": "R0975_iter", "w": 4}
}

reasons[r] {
    startswith(input.user.email, "x")
    input.user.age_days < 1286
    r := {"id": "R0976_pre", "w": 12}
}

reasons[r] {
    some i
    input.history[i].amount > 3078
    input.history[i].country != input.location.country
    r := {"id": "R0977_iter", "w": 13}
}

reasons[r] {
    input.velocity.count_1h > 8
    input.user.age_days < 1328
    r := {"id": "R0978_thr", "w": 15}
}

reasons[r] {
    some t in input.tags
    t == "new_device"
    r := {"id": "R0979_iter", "w": 12}
}

reasons[r] {
    input.transaction.amount >= 6013
    input.velocity.amount_24h < 46866
    r := {"id": "R0980_thr", "w": 19}
}

reasons[r] {
    input.user.age_days >= 1989
    input.velocity.amount_24h < 41829
    r := {"id": "R0981_thr", "w": 12}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 4617
    r := {"id": "R0982_iter", "w": 7}
}

reasons[r] {
    startswith(input.device.user_agent, "Mozilla/5.0 (Windows NT 5")
    input.user.age_days < 669
    r := {"id": "R0983_pre", "w": 1}
}

reasons[r] {
    input.velocity.count_1h <= 17
    input.user.age_days < 436
    r := {"id": "R0984_thr", "w": 14}
}

reasons[r] {
    input.velocity.count_24h < 107
    input.user.age_days > 352
    r := {"id": "R0985_thr", "w": 10}
}

reasons[r] {
    input.device.age_days > 267
    input.user.failed_logins > 7
    input.transaction.type == "crypto"
    r := {"id": "R0986_thr", "w": 14}
}

reasons[r] {
    startswith(input.user.email, "noreply")
    input.user.age_days < 789
    r := {"id": "R0987_pre", "w": 9}
}

reasons[r] {
    input.velocity.count_1h >= 30
    input.user.failed_logins < 11
    r := {"id": "R0988_thr", "w": 14}
}

reasons[r] {
    input.velocity.count_24h <= 88
    input.user.age_days < 334
    r := {"id": "R0989_thr", "w": 19}
}

reasons[r] {
    input.location.country in {"CN", "EG", "KE", "RU", "TR"}
    input.transaction.amount > 4294
    r := {"id": "R0990_mem", "w": 13}
}

reasons[r] {
    count({c | c := input.history[_].country}) > 4
    r := {"id": "R0991_cnt", "w": 7}
}

reasons[r] {
    input.user.age_days > 1269
    input.velocity.count_1h > 24
    input.transaction.type == "crypto"
    r := {"id": "R0992_thr", "w": 5}
}

reasons[r] {
    input.velocity.amount_24h > 18207
    input.user.credit_score < 399
    r := {"id": "R0993_thr", "w": 2}
}

reasons[r] {
    input.velocity.count_1h >= 10
    input.device.age_days > 780
    r := {"id": "R0994_thr", "w": 10}
}

reasons[r] {
    input.velocity.count_24h < 73
    input.velocity.amount_24h > 57515
    r := {"id": "R0995_thr", "w": 6}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 1275]) >= 10
    r := {"id": "R0996_cnt", "w": 12}
}

reasons[r] {
    input.user.failed_logins < 1
    input.user.age_days < 1487
    r := {"id": "R0997_thr", "w": 17}
}

reasons[r] {
    count([h | h := input.history[_]; h.amount > 3223]) >= 7
    r := {"id": "R0998_cnt", "w": 19}
}

reasons[r] {
    some h in input.history
    h.status == "declined"
    h.amount > 495
    r := {"id": "R0999_iter", "w": 13}
}

score := sum([x.w | x := reasons[_]])

deny {
    score > 4000
}

deny {
    data.lists.sanctioned[input.location.country]
}

allow {
    not deny
    input.user.credit_score >= 500
}

decision = "deny" {
    deny
} else = "review" {
    score > 1000
} else = "allow" {
    allow
}
