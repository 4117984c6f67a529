SELECT * FROM flights
WHERE (carrier = 'HA' AND day LIKE '%-09')
   OR (stream LIKE 'flight-9E34%' AND state IN ('cancelled', 'diverted'))
ORDER BY stream
