SELECT state, count(*) AS flights FROM flights GROUP BY state ORDER BY state
