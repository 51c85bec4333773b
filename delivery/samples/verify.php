<?php
// A receiver that takes nothing but what was signed with its secret. Only PHP itself is needed.
const TOLERANCE = 5 * 60; // seconds that a request may take, and our clocks may differ

function is_genuine(string $key, string $id, string $timestamp, string $signatures, string $body): bool
{
    if (!preg_match('/^\d{1,12}$/D', $timestamp) || abs(time() - (int) $timestamp) > TOLERANCE) {
        return false;
    }
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
    foreach (explode(' ', $signatures) as $given) {
        if (hash_equals($expected, $given)) {
            return true;
        }
    }
    return false;
}

$secret = (string) getenv('WEBHOOK_SECRET'); // whsec_…, kept out of the code
$key = base64_decode(preg_replace('/^whsec_/', '', $secret));
if (strlen($key) < 24) { // with no key anybody could sign
    http_response_code(500);
    exit('Set WEBHOOK_SECRET.');
}
$genuine = is_genuine(
    $key,
    $_SERVER['HTTP_WEBHOOK_ID'] ?? '',
    $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '',
    $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '',
    file_get_contents('php://input') // the body as it came
);
// If it is genuine and its webhook-id was here before, it is a repeat: answer 204 and do nothing.
http_response_code($genuine ? 204 : 401);
