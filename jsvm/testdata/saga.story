reserve T {"what":"book","rest":["flight","Rome",0],"ref":"1:book:1"}
workflow-scheduler T|{"ref":"1:sleep:2"} 1000
workflow-scheduler T|{"ref":"1:sleep:2"} 0
reserve T {"what":"book","rest":["hotel","Rome",0],"ref":"2:book:1"}
workflow-scheduler T|{"ref":"2:sleep:2"} 1000
retry hotel 0 hotel timed out true 408
reserve T {"what":"book","rest":["hotel","Rome",1],"ref":"3:book:1"}
workflow-scheduler T|{"ref":"3:sleep:2"} 2000
workflow-scheduler T|{"ref":"3:sleep:2"} 0
reserve T {"what":"book","rest":["car","Rome",0],"ref":"4:book:1"}
workflow-scheduler T|{"ref":"4:sleep:2"} 1000
retry car 0 undefined false undefined
workflow-scheduler T|{"ref":"4:sleep:2"} 0
reserve T {"what":"book","rest":["car","Rome",1],"ref":"5:book:1"}
workflow-scheduler T|{"ref":"5:sleep:2"} 2000
retry car 1 car timed out true 408
reserve T {"what":"book","rest":["car","Rome",2],"ref":"6:book:1"}
workflow-scheduler T|{"ref":"6:sleep:2"} 3000
retry car 2 undefined false undefined
workflow-scheduler T|{"ref":"6:sleep:2"} 0
reserve T {"what":"note","rest":["car",1],"ref":"7:note:1"}
reserve T {"what":"note","rest":["car",0],"ref":"8:note:1"}
undo T hotel h1 1
reserve T {"what":"cancel","rest":["hotel","h1"],"ref":"9:cancel:1"}
reserve T {"what":"note","rest":["hotel",0],"ref":"10:note:1"}
undo T flight f1 0
reserve T {"what":"cancel","rest":["flight","f1"],"ref":"11:cancel:1"}
workflow-result T {"ok":false,"total":"150","asked":11,"seen":"flight0 hotel0 hotel1 car0 car1 car2","cycle":true,"neg":true,"nan":null,"hole":true,"when":"1970-01-02T00:00:00.000Z","attempts":"flight,1;hotel,1;car,1"}
