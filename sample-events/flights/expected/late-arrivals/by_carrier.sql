SELECT carrier, count(*) AS late FROM late_arrivals GROUP BY carrier ORDER BY carrier
