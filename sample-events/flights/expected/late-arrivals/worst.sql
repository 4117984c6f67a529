SELECT * FROM late_arrivals ORDER BY delay_minutes DESC, position LIMIT 20
